using Holon.Networking;

namespace Holon.Devices;

/// <summary>A network card: the port that a network uses, and what the machine does with it.</summary>
public interface INetworkCard : INetworkPort
{
    /// <summary>Plugs the card into a network, which has been given this port.</summary>
    void Plug(INetworkLink link);

    /// <summary>Pulls the cable out, or puts it in again; the guest is told.</summary>
    void SetLink(bool up);
}
