using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fangs.Http.Access;
using Fangs.Protocol;

namespace Fangs.Tests.Http.Tls;

public sealed class AccessPolicySpecs
{
    [Theory]
    [InlineData(ClientRole.Runner, Audience.Everybody, true, true)]
    [InlineData(ClientRole.Runner, Audience.Runners, true, true)]
    [InlineData(ClientRole.Runner, Audience.Operators, false, false)]
    [InlineData(ClientRole.Operator, Audience.Everybody, true, true)]
    [InlineData(ClientRole.Operator, Audience.Runners, false, false)]
    [InlineData(ClientRole.Operator, Audience.Operators, true, true)]
    [InlineData(ClientRole.Unstated, Audience.Everybody, true, true)]
    [InlineData(ClientRole.Unstated, Audience.Runners, true, true)]
    [InlineData(ClientRole.Unstated, Audience.Operators, true, false)]
    public void Role_and_registration_decide_about_endpoints(ClientRole role, Audience audience, bool mayBefore, bool mayOnceRegistered)
    {
        var client = new ClientIdentity("CN=x", role, new HashSet<string> { "x" });
        Assert.Equal(mayBefore, AccessPolicy.RefuseEndpoint(client, audience, isRegistered: false) is null);
        Assert.Equal(mayOnceRegistered, AccessPolicy.RefuseEndpoint(client, audience, isRegistered: true) is null);
    }

    [Theory]
    [InlineData("lab-1", true)]
    [InlineData("uri:lab-1", true)]
    [InlineData("LAB-1", false)]
    [InlineData("lab-1 ", false)]
    [InlineData("lab-10", false)]
    [InlineData("lab", false)]
    public void A_runner_id_must_be_one_of_the_names_exactly(string id, bool may)
    {
        var client = new ClientIdentity("CN=lab-1", ClientRole.Runner, new HashSet<string> { "lab-1", "uri:lab-1" });
        var refusal = AccessPolicy.RefuseRunner(client, new RunnerId(id));
        Assert.Equal(may, refusal is null);
        if (!may) Assert.Contains(id, refusal);
    }

    [Theory]
    [InlineData("CN=lab-1, OU=fangs-runner", ClientRole.Runner)]
    [InlineData("OU=fangs-runner, OU=build, CN=lab-1", ClientRole.Runner)]
    [InlineData("OU=fangs-operator, OU=fangs-runner, CN=lab-1", ClientRole.Runner)]
    [InlineData("OU=Fangs-Runner, CN=lab-1", ClientRole.Unstated)]
    [InlineData("O=fangs-runner, CN=lab-1", ClientRole.Unstated)]
    [InlineData("CN=lab-1", ClientRole.Unstated)]
    public void The_organizational_unit_says_the_role_wherever_it_stands(string subject, ClientRole role)
    {
        var client = IdentityOf(subject, null);
        Assert.Equal(role, client.Role);
        Assert.Equal(["lab-1"], client.Names);
    }

    [Theory]
    [InlineData("fangs-runner", ClientRole.Runner)]
    [InlineData("fangs-operator", ClientRole.Operator)]
    public void It_is_found_in_a_name_of_several_parts_too(string unit, ClientRole role)
    {
        var name = new AsnWriter(AsnEncodingRules.DER);
        using (name.PushSequence())
        using (name.PushSetOf())
        {
            foreach (var (type, value) in new[] { ("2.5.4.3", "lab-1"), ("2.5.4.11", unit) })
            {
                using (name.PushSequence())
                {
                    name.WriteObjectIdentifier(type);
                    name.WriteCharacterString(UniversalTagNumber.PrintableString, value);
                }
            }
        }

        var client = IdentityOf(new X500DistinguishedName(name.Encode()), null);
        Assert.Equal(role, client.Role);
        Assert.Equal(["lab-1"], client.Names);
    }

    [Fact]
    public void Names_are_common_names_DNS_names_and_URIs_and_nothing_else()
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("*.lab");
        names.AddUri(new Uri("urn:runner:1"));
        names.AddEmailAddress("a@example");
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        names.AddUserPrincipalName("b@example");
        Assert.Equal(["*.lab", "a", "b", "urn:runner:1"], IdentityOf("CN=a, CN=b, OU=c, O=d", names.Build()).Names.Order(StringComparer.Ordinal));
        Assert.Empty(IdentityOf("O=d", null).Names);
    }

    private static ClientIdentity IdentityOf(string subject, X509Extension? extension) => IdentityOf(new X500DistinguishedName(subject), extension);

    private static ClientIdentity IdentityOf(X500DistinguishedName subject, X509Extension? extension)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        if (extension is not null) request.CertificateExtensions.Add(extension);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now, now.AddDays(1));
        return ClientIdentity.Of(certificate);
    }
}
