using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fangs.Actors.Storage.Postgres;
using Npgsql;

namespace Fangs.Tests.Storage;

/// <summary>
/// One PostgreSQL server of Debian's package for the whole run of the tests: on loopback, in a temporary directory, as an unprivileged user, with
/// a language's order of texts, so that whatever relies on the order of bytes has to say so. It ends with this process, however that ends.
/// </summary>
internal static class PostgresServer
{
    internal const string User = "fangs";
    internal const string Password = "p@ss;w'ord";

    private static readonly Lazy<int> Port = new(Start);
    private static int _databases;
    private static Process? _shell; // its input is closed when nobody refers to it any more

    /// <summary>Makes an empty database.</summary>
    internal static PostgresDsn NewDatabase()
    {
        var name = $"fangs_{Interlocked.Increment(ref _databases)}";
        Execute(Dsn(Port.Value, "postgres"), $"CREATE DATABASE {name} TEMPLATE template0");
        return PostgresDsn.Parse(Dsn(Port.Value, name));
    }

    /// <summary>Removes a database, whoever is connected to it.</summary>
    internal static void Drop(PostgresDsn dsn)
    {
        using var pooled = new NpgsqlConnection(dsn.ConnectionString);
        NpgsqlConnection.ClearPool(pooled);
        Execute(Dsn(Port.Value, "postgres"), $"DROP DATABASE IF EXISTS {pooled.Database} WITH (FORCE)");
    }

    private static string Dsn(int port, string database) => $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{port}/{database}?sslmode=disable";

    private static void Execute(string dsn, string sql)
    {
        using var connection = new NpgsqlConnection(PostgresDsn.Parse(dsn).Unpooled("tests"));
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private static int Start()
    {
        var bin = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
        if (bin is null) throw new InvalidOperationException("There is no PostgreSQL server here: ./test installs it (apt-get install postgresql).");
        var directory = Directory.CreateTempSubdirectory("fangs-postgres-").FullName;
        var password = Path.Combine(directory, "password");
        File.WriteAllText(password, Password);
        // A server refuses to run as root.
        var asUser = Environment.UserName == "root" ? new[] { "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups" } : [];
        if (asUser.Length > 0) Run("chown", ["-R", "postgres:postgres", directory]);
        var data = Path.Combine(directory, "data");
        Run([.. asUser, Path.Combine(bin, "initdb"), "-D", data, "-U", User, "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8",
            "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync"]);
        int port;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        // The shell waits for the end of its input, which is the end of this process, and takes the server with it.
        var script = $"'{bin}/postgres' -D '{data}' -c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c max_connections=300 "
            + $"-c fsync=off -c full_page_writes=off -c logging_collector=off >'{directory}/log' 2>&1 & server=$!; read _; kill -INT $server; wait $server; rm -rf '{directory}'";
        string[] command = [.. asUser, "sh", "-c", script];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, WorkingDirectory = "/" };
        _shell = Process.Start(start);
        using var pause = new ManualResetEvent(false);
        var since = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                Execute(Dsn(port, "postgres"), "SELECT 1");
                return port;
            }
            catch (Exception e) when (e is NpgsqlException or SocketException && TimeProvider.System.GetElapsedTime(since) < Limits.Patience)
            {
                pause.WaitOne(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    private static void Run(string[] command) => Run(command[0], command[1..]);

    private static void Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" })!;
        var text = new System.Text.StringBuilder();
        process.ErrorDataReceived += (_, line) => text.AppendLine(line.Data);
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        if (!process.WaitForExit(Limits.Patience)) process.Kill(entireProcessTree: true);
        process.WaitForExit(); // until all of its output has been read
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} failed: {text}");
    }
}
