using Holon.Networking;
using Holon.Networking.Nat;
using Holon.Networking.Tests.Real;

using var guest = new NetworkNamespace("holon-bench");
using var tap = guest.Run(() => TapPort.Open("tap0"));
guest.Execute("ip", "link", "set", "tap0", "up");
using var nat = new NatNetwork(new NatOptions { HostAccess = [HostGrant.Parse("all")], Forwards = [PortForward.Parse("127.0.0.1:2222:5998")], Capture = args.Length > 0 ? new CaptureOptions(args[0]) : null });
nat.Faulted += exception => Console.Error.WriteLine(exception);
using var link = nat.Connect(tap, "guest");
guest.Execute("ip", "addr", "add", "10.0.2.15/24", "dev", "tap0");
guest.Execute("ip", "route", "add", "default", "via", "10.0.2.1");
Console.WriteLine(guest.Name);
Console.ReadLine();
Console.WriteLine(link.Counters);
Console.WriteLine(nat.Status);
