using System.Formats.Asn1;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Holon.Python.Modules.Tls;

/// <summary>Certificates as the dictionaries that getpeercert() gives.</summary>
internal static unsafe class SslCertificates
{
    /// <summary>The bytes of one of OpenSSL's certificates.</summary>
    public static byte[] Encode(nint certificate)
    {
        var size = OpenSsl.EncodeCertificate(certificate, null);
        if (size <= 0)
            throw SslErrors.Last();
        var result = new byte[size];
        fixed (byte* at = result)
        {
            var moving = at; // the call moves it past what it has written
            _ = OpenSsl.EncodeCertificate(certificate, &moving);
        }
        return result;
    }

    public static PyDict Decode(byte[] encoded)
    {
        X509Certificate2 certificate;
        try
        {
            certificate = X509CertificateLoader.LoadCertificate(encoded);
        }
        catch (System.Security.Cryptography.CryptographicException error)
        {
            throw SslErrors.Of(SslErrors.Error, 0, "unable to decode certificate: " + error.Message);
        }
        using (certificate)
        {
            var result = new PyDict();
            result.Set("subject", Name(certificate.SubjectName.RawData));
            result.Set("issuer", Name(certificate.IssuerName.RawData));
            result.Set("version", PyInt.Of(certificate.Version));
            result.Set("serialNumber", new PyStr(certificate.SerialNumber));
            result.Set("notBefore", Time(certificate.NotBefore));
            result.Set("notAfter", Time(certificate.NotAfter));
            foreach (var extension in certificate.Extensions)
            {
                try
                {
                    Add(result, extension.Oid?.Value, extension.RawData);
                }
                catch (AsnContentException)
                {
                    // What cannot be read is left out, as OpenSSL leaves it out.
                }
            }
            return result;
        }
    }

    private static PyStr Time(DateTime time)
    {
        var utc = time.ToUniversalTime();
        return new PyStr(utc.ToString("MMM ", CultureInfo.InvariantCulture) + utc.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2) + utc.ToString(" HH:mm:ss yyyy", CultureInfo.InvariantCulture) + " GMT");
    }

    private static void Add(PyDict result, string? extension, byte[] data)
    {
        var reader = new AsnReader(data, AsnEncodingRules.DER);
        switch (extension)
        {
            case "2.5.29.17":
                result.Set("subjectAltName", new PyTuple([.. Names(reader.ReadSequence())]));
                break;
            case "1.3.6.1.5.5.7.1.1":
                var (status, issuers) = (new List<PyObject>(), new List<PyObject>());
                for (var list = reader.ReadSequence(); list.HasData;)
                {
                    var item = list.ReadSequence();
                    var kind = item.ReadObjectIdentifier();
                    if (item.PeekTag().TagValue == 6)
                        (kind == "1.3.6.1.5.5.7.48.1" ? status : issuers).Add(Ia5(item, 6));
                }
                if (status.Count > 0)
                    result.Set("OCSP", new PyTuple([.. status]));
                if (issuers.Count > 0)
                    result.Set("caIssuers", new PyTuple([.. issuers]));
                break;
            case "2.5.29.31":
                var points = new List<PyObject>();
                for (var list = reader.ReadSequence(); list.HasData;)
                {
                    var point = list.ReadSequence();
                    if (!point.HasData || point.PeekTag().TagValue != 0)
                        continue;
                    var name = point.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0));
                    if (name.PeekTag().TagValue != 0)
                        continue;
                    for (var full = name.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)); full.HasData;)
                    {
                        if (full.PeekTag().TagValue == 6)
                            points.Add(Ia5(full, 6));
                        else
                            full.ReadEncodedValue();
                    }
                }
                result.Set("crlDistributionPoints", new PyTuple([.. points]));
                break;
        }
    }

    private static PyStr Ia5(AsnReader reader, int tag) =>
        PyStr.FromUtf16(reader.ReadCharacterString(UniversalTagNumber.IA5String, new Asn1Tag(TagClass.ContextSpecific, tag)));

    private static List<PyObject> Names(AsnReader names)
    {
        var result = new List<PyObject>();
        while (names.HasData)
        {
            var tag = names.PeekTag();
            var (kind, value) = tag.TagValue switch
            {
                1 => ("email", Ia5(names, 1)),
                2 => ("DNS", Ia5(names, 2)),
                6 => ("URI", Ia5(names, 6)),
                4 => ("DirName", Name(names.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 4)).ReadEncodedValue().ToArray())),
                7 => ("IP Address", Address(names.ReadOctetString(new Asn1Tag(TagClass.ContextSpecific, 7)))),
                8 => ("Registered ID", new PyStr(names.ReadObjectIdentifier(new Asn1Tag(TagClass.ContextSpecific, 8)))),
                _ => (tag.TagValue == 0 ? "othername" : tag.TagValue == 3 ? "X400 Name" : "EdiPartyName", Skipped(names)),
            };
            result.Add(new PyTuple(new PyStr(kind), value));
        }
        return result;
    }

    private static PyObject Skipped(AsnReader names)
    {
        names.ReadEncodedValue();
        return new PyStr("<unsupported>");
    }

    private static PyStr Address(byte[] bytes) => bytes.Length switch
    {
        4 => new PyStr(new IPAddress(bytes).ToString()),
        16 => new PyStr(string.Join(':', Enumerable.Range(0, 8).Select(i => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).ToString("X", CultureInfo.InvariantCulture)))),
        _ => new PyStr("<invalid>"),
    };

    private static PyTuple Name(byte[] encoded)
    {
        var parts = new List<PyObject>();
        for (var name = new AsnReader(encoded, AsnEncodingRules.DER).ReadSequence(); name.HasData;)
        {
            var attributes = new List<PyObject>();
            for (var set = name.ReadSetOf(); set.HasData;)
            {
                var attribute = set.ReadSequence();
                var kind = attribute.ReadObjectIdentifier();
                var tag = (UniversalTagNumber)attribute.PeekTag().TagValue;
                var text = tag is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String or UniversalTagNumber.T61String or UniversalTagNumber.BMPString or UniversalTagNumber.NumericString or UniversalTagNumber.VisibleString
                    ? attribute.ReadCharacterString(tag) : Convert.ToHexString(attribute.ReadEncodedValue().Span);
                attributes.Add(new PyTuple(PyStr.FromUtf16(LongName(kind)), PyStr.FromUtf16(text)));
            }
            parts.Add(new PyTuple([.. attributes]));
        }
        return new PyTuple([.. parts]);
    }

    private static string LongName(string identifier)
    {
        var item = OpenSsl.ObjectFrom(identifier, 1);
        var number = item == 0 ? 0 : OpenSsl.NumberOf(item);
        OpenSsl.FreeObject(item);
        return number == 0 ? identifier : OpenSsl.Text(OpenSsl.LongName(number));
    }
}
