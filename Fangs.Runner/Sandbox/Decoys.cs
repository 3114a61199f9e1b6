using System.Security.Cryptography;
using System.Text;

namespace Fangs.Runner.Sandbox;

/// <summary>A file of a home directory.</summary>
/// <param name="Path">Relative to the home directory.</param>
/// <param name="Content">The whole file.</param>
internal readonly record struct DecoyFile(string Path, string Content);

/// <summary>Credentials that look real and open nothing. Nothing that runs on our behalf reads them, so each read is a signal.</summary>
internal static class Decoys
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const string Upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>Fresh values for each run, so that a value seen elsewhere tells which run it came from.</summary>
    internal static IReadOnlyList<DecoyFile> Make()
    {
        var aws = $"[default]\naws_access_key_id = AKIA{Random(Upper, 16)}\naws_secret_access_key = {Random(Alphanumeric, 40)}\n";
        var git = Random(Alphanumeric, 36);
        return
        [
            new(".npmrc", $"//npm.pkg.internal/:_authToken=npm_{Random(Alphanumeric, 36)}\n"),
            new(".ssh/id_rsa", PrivateKey("OPENSSH PRIVATE KEY", 1800)),
            new(".ssh/id_ed25519", PrivateKey("OPENSSH PRIVATE KEY", 290)),
            new(".ssh/config", "Host deploy\n  HostName deploy.internal\n  User deploy\n  IdentityFile ~/.ssh/id_rsa\n"),
            new(".aws/credentials", aws),
            new(".aws/config", "[default]\nregion = eu-central-1\n"),
            new(".docker/config.json", $$"""{"auths":{"registry.internal":{"auth":"{{Base64(30)}}"} } }""" + "\n"),
            new(".kube/config", $"apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: deploy\n  user:\n    token: {Random(Alphanumeric, 48)}\n"),
            new(".config/gcloud/application_default_credentials.json", $$"""{"type":"authorized_user","client_secret":"{{Random(Alphanumeric, 24)}}","refresh_token":"1//{{Random(Alphanumeric, 60)}}"}""" + "\n"),
            new(".config/gh/hosts.yml", $"github.com:\n    user: deploy\n    oauth_token: gho_{git}\n"),
            new(".git-credentials", $"https://deploy:ghp_{git}@github.com\n"),
            new(".netrc", $"machine git.internal login deploy password {Random(Alphanumeric, 24)}\n"),
            new(".gnupg/private-keys-v1.d/7C.key", Base64(512) + "\n"),
            new(".bash_history", "npm run build\ngit push\nssh deploy\nkubectl get pods\n"),
            new(".ethereum/keystore/UTC--wallet", $$"""{"version":3,"id":"{{Guid.NewGuid()}}","crypto":{"ciphertext":"{{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}}"} }""" + "\n"),
        ];
    }

    private static string Random(string alphabet, int length) => RandomNumberGenerator.GetString(alphabet, length);

    private static string Base64(int bytes) => Convert.ToBase64String(RandomNumberGenerator.GetBytes(bytes));

    private static string PrivateKey(string kind, int bytes)
    {
        var text = new StringBuilder($"-----BEGIN {kind}-----\n");
        foreach (var line in Base64(bytes).Chunk(70)) text.Append(line).Append('\n');
        return text.Append($"-----END {kind}-----\n").ToString();
    }
}
