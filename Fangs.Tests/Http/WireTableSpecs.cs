using System.Text.Json;
using System.Text.RegularExpressions;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Http;

/// <summary>The wire protocol as a table: request in bytes, status, and what the body must say.</summary>
public abstract partial class WireTableSpecs(WireTableSpecs.Prepared prepared)
{
    /// <summary>An orchestrator with a registered runner and runs in several states, named in paths and bodies by placeholders.</summary>
    public abstract class Prepared(Backend backend) : IAsyncLifetime
    {
        private readonly BackendDatabase _database = BackendDatabase.Create(backend);

        public OrchestratorFixture Orchestrator => field ??= new OrchestratorFixture { Database = _database };

        public Dictionary<string, string> Names { get; } = [];

        public async Task InitializeAsync()
        {
            await Orchestrator.InitializeAsync();
            await Expect(200, "POST", "/v1/runners/register", """{"runner_id":"known","proto_version":1}""");
            foreach (var name in new[] { "A", "B", "C", "ENDED" })
            {
                var answer = await Expect(202, "POST", "/v1/scans", """{"target_runner":"*","Job":{"package_name":"left-thing","version":"1.0.0"}}""");
                Names[name] = JsonDocument.Parse(answer).RootElement.GetProperty("run_id").GetString()!;
                Names[name + "#"] = "[" + string.Join(',', Convert.FromHexString(Names[name])) + "]";
            }

            await Expect(200, "POST", $"/v1/runs/{Names["ENDED"]}/result", """{"status":"ok","events_emitted":3}""");
        }

        public async Task DisposeAsync()
        {
            await Orchestrator.DisposeAsync();
            _database.Dispose();
        }

        private async Task<string> Expect(int status, string method, string path, string body)
        {
            var answer = await Orchestrator.Raw.SendAsync(method, path, body);
            Assert.Equal(status, answer.Status);
            return answer.Body;
        }
    }

    private const string UnknownRun = "00112233445566778899aabbccddeeff";

    public static TheoryData<string, string, string?, int, string> Requests()
    {
        var table = new TheoryData<string, string, string?, int, string>();
        foreach (var line in WireTable.Lines) table.Add(line.Method, line.Path, line.Body, line.Status, line.Pattern);
        return table;
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Every_request_gets_the_answer_of_the_protocol(string method, string path, string? body, int status, string pattern)
    {
        var answer = await prepared.Orchestrator.Raw.SendAsync(method, Fill(path), body is null ? null : Fill(body));
        Assert.True(status == answer.Status, $"{answer.Status}: {answer.Body}");
        Assert.Matches(pattern, answer.Body);
        if (status is 204 || method == "HEAD") return;
        Assert.Equal("application/json", answer.Headers["Content-Type"]);
        if (status >= 400) Assert.Equal(JsonValueKind.String, JsonDocument.Parse(answer.Body).RootElement.GetProperty("error").ValueKind);
    }

    [Fact]
    public void The_table_has_at_least_120_requests() => Assert.True(WireTable.Lines.Count >= 120, $"{WireTable.Lines.Count} requests");

    private string Fill(string text) => Placeholder().Replace(text.Replace("{UNKNOWN}", UnknownRun, StringComparison.Ordinal), m => prepared.Names.GetValueOrDefault(m.Groups[1].Value, m.Value));

    [GeneratedRegex(@"\{(A|B|C|ENDED|A#|B#|C#|ENDED#)\}")]
    private static partial Regex Placeholder();
}

public sealed class SqliteWireTableSpecs(SqliteWireTableSpecs.Fixture prepared) : WireTableSpecs(prepared), IClassFixture<SqliteWireTableSpecs.Fixture>
{
    public sealed class Fixture() : Prepared(Backend.Sqlite);
}

public sealed class PostgresWireTableSpecs(PostgresWireTableSpecs.Fixture prepared) : WireTableSpecs(prepared), IClassFixture<PostgresWireTableSpecs.Fixture>
{
    public sealed class Fixture() : Prepared(Backend.Postgres);
}
