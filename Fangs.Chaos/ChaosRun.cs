using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fangs.Benchmarks.Load;
using Microsoft.Data.Sqlite;

namespace Fangs.Chaos;

/// <summary>What a run of chaos is asked to do.</summary>
internal sealed record ChaosSettings
{
    public string Fangs { get; init; } = "";

    public TimeSpan Length { get; init; } = TimeSpan.FromMinutes(3);

    public int Seed { get; init; }

    /// <summary>Real runners.</summary>
    public int Runners { get; init; } = 3;

    /// <summary>Synthetic clients.</summary>
    public int Clients { get; init; } = 6;

    public bool IsJson { get; init; }

    public bool Keep { get; init; }
}

/// <summary>What came of it.</summary>
internal sealed record ChaosOutcome(IReadOnlyList<Violation> Violations, IReadOnlyDictionary<string, long> Figures, string Directory);

/// <summary>Starts everything, breaks it by the schedule, heals it, waits until all runs have ended, stops it, and checks the ledger.</summary>
internal sealed class ChaosRun : IAsyncDisposable
{
    private const string FakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    private static readonly TimeSpan HealthyWithin = TimeSpan.FromSeconds(90), SettledWithin = TimeSpan.FromMinutes(8), Tick = TimeSpan.FromSeconds(1), ShowEvery = TimeSpan.FromSeconds(10);

    // What is real and small. The first two are for real runners only; of the last one all take jobs, so its runs may move from one to another.
    private static readonly (string Package, string[] Versions)[] Real = [("is-odd", ["1.0.0", "2.0.0", "3.0.0", "3.0.1"]), ("is-number", ["7.0.0"]), ("left-pad", ["1.2.0", "1.3.0"])];

    private readonly ChaosSettings _settings;
    private readonly Action<string> _say;
    private readonly string _mark = $"chaos-{Guid.NewGuid():N}";
    private readonly string _directory;
    private readonly string _stateDirectory;
    private readonly string _clockFile;
    private readonly int _port = FreePort();
    private readonly long _began = TimeProvider.System.GetTimestamp();
    private readonly DateTimeOffset _beganAt = TimeProvider.System.GetUtcNow();
    private readonly Observations _seen = new();
    private readonly List<FaultyProxy> _proxies = [];
    private readonly List<ManagedProcess> _runners = [];
    private readonly ManagedProcess _orchestrator;
    private readonly SemaphoreSlim _restarting = new(1, 1);
    private readonly Dictionary<FaultKind, int> _done = [];
    private volatile int _open;
    private volatile int _openReal;
    private double _clockOffset;

    public ChaosRun(ChaosSettings settings, Action<string> say)
    {
        (_settings, _say) = (settings, say);
        _directory = Directory.CreateTempSubdirectory("fangs-chaos-").FullName;
        _stateDirectory = "/run/fangs-" + _mark[..14];
        _clockFile = Path.Combine(_directory, "clock");
        Directory.CreateDirectory(Temporary);
        WriteClock();
        _orchestrator = new ManagedProcess(Observations.Orchestrator, settings.Fangs,
            ["orchestrator", "-addr", $"127.0.0.1:{_port}", "-sqlite-path", Database, "-config", Path.Combine(_directory, "none.yaml"), "-watch=false"],
            Environment(CanStepClock ? [("LD_PRELOAD", FakeTime), ("FAKETIME_TIMESTAMP_FILE", _clockFile), ("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_RESET", "1"), ("DONT_FAKE_MONOTONIC", "1"), ("NO_FAKE_STAT", "1"), ("FAKETIME_FORCE_MONOTONIC_FIX", "0")] : []),
            Path.Combine(_directory, "orchestrator.log"));
        for (var i = 0; i <= settings.Runners + settings.Clients; i++) _proxies.Add(new FaultyProxy(_port));
        for (var i = 0; i < settings.Runners; i++)
            _runners.Add(new ManagedProcess(PartyName(i), settings.Fangs,
                ["runner", "-orchestrator", $"http://127.0.0.1:{_proxies[i].Port}", "-runner-id", PartyName(i), "-state-dir", _stateDirectory, "-log-format", "json"],
                Environment([]), Path.Combine(_directory, PartyName(i) + ".log")));
    }

    /// <summary>Whether there is what steps the clock of one process.</summary>
    public static bool CanStepClock => File.Exists(FakeTime);

    private string Database => Path.Combine(_directory, "fangs.db");

    private string Temporary => Path.Combine(_directory, "tmp");

    private TimeSpan Now => TimeProvider.System.GetElapsedTime(_began);

    /// <summary>Does it all.</summary>
    /// <param name="interrupt">Ends the faults early; what there is is healed and checked.</param>
    /// <param name="giveUp">Ends the waiting too.</param>
    public async Task<ChaosOutcome> RunAsync(CancellationToken interrupt, CancellationToken giveUp)
    {
        await StartOrchestratorAsync();
        foreach (var runner in _runners) runner.Start();
        using var clients = CancellationTokenSource.CreateLinkedTokenSource(giveUp);
        using var submitting = CancellationTokenSource.CreateLinkedTokenSource(giveUp);
        using var watching = new CancellationTokenSource();
        var synthetic = Enumerable.Range(0, _settings.Clients).Select(i => new SyntheticRunner(
            PartyName(_settings.Runners + i), _proxies[_settings.Runners + i].Port, unchecked((_settings.Seed * 1009) + i), _seen, () => Now)).ToArray();
        var work = Task.WhenAll(synthetic.Select(c => Task.Run(() => c.RunAsync(clients.Token), CancellationToken.None)));
        var submits = Task.Run(() => SubmitAsync(submitting.Token), CancellationToken.None);
        var watch = Task.Run(() => WatchAsync(watching.Token), CancellationToken.None);

        await BreakAsync(interrupt);
        await HealAsync();
        await submitting.CancelAsync();
        await submits;
        await SettleAsync(giveUp);
        await clients.CancelAsync();
        await work;
        await EndAsync();
        await watching.CancelAsync();
        await watch;
        return await CheckAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _runners.Append(_orchestrator))
        {
            await process.KillAsync();
            process.Dispose();
        }

        foreach (var proxy in _proxies) await proxy.DisposeAsync();
        _restarting.Dispose();
        if (Directory.Exists(_stateDirectory)) Directory.Delete(_stateDirectory, recursive: true);
    }

    private string PartyName(int number) => number < _settings.Runners ? $"runner-{number + 1}" : number < _settings.Runners + _settings.Clients ? $"client-{number - _settings.Runners + 1}" : "submitter";

    private Dictionary<string, string> Environment((string Key, string Value)[] more) => new(more.Select(m => KeyValuePair.Create(m.Key, m.Value)))
    {
        ["FANGS_CHAOS_MARK"] = _mark,
        ["TMPDIR"] = Temporary,
        ["DOTNET_EnableDiagnostics"] = "0", // the runtime's own sockets in the temporary directory outlive a SIGKILL
    };

    private async Task BreakAsync(CancellationToken interrupt)
    {
        var schedule = Schedule.Make(_settings.Seed, _settings.Length, _settings.Runners, _proxies.Count);
        var (first, running) = (Now, new List<Task>());
        using var end = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        var shown = Now;
        foreach (var fault in schedule)
        {
            while (Now - first < fault.At && !interrupt.IsCancellationRequested)
            {
                var rest = fault.At - (Now - first);
                await Task.Delay(rest < Tick ? rest > TimeSpan.Zero ? rest : TimeSpan.FromMilliseconds(1) : Tick, TimeProvider.System, interrupt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                CheckAlive();
                if (Now - shown < ShowEvery) continue;
                shown = Now;
                Say(Progress());
            }

            if (interrupt.IsCancellationRequested) break;
            if (fault.Kind == FaultKind.StepClock && !CanStepClock) continue;
            Say(Schedule.Describe(fault, PartyName));
            _done[fault.Kind] = _done.GetValueOrDefault(fault.Kind) + 1;
            running.Add(DoAsync(fault, end.Token));
        }

        await end.CancelAsync();
        await Task.WhenAll(running);
    }

    private async Task DoAsync(Fault fault, CancellationToken end)
    {
        var from = Now;
        var proxy = _proxies[fault.Party];
        switch (fault.Kind)
        {
            case FaultKind.KillOrchestrator:
                await _restarting.WaitAsync(CancellationToken.None);
                try
                {
                    await _orchestrator.KillAsync();
                    await StartOrchestratorAsync();
                }
                finally
                {
                    _restarting.Release();
                }

                Disturbed(Observations.Orchestrator, false, from);
                return;
            case FaultKind.StopOrchestrator:
                await _orchestrator.StopForAsync(fault.For, end);
                Disturbed(Observations.Orchestrator, false, from);
                return;
            case FaultKind.StepClock:
                _clockOffset += fault.Amount;
                WriteClock();
                return;
            case FaultKind.KillRunner:
                await _runners[fault.Party].RestartAsync(() => Disturbed(PartyName(fault.Party), true, from));
                return;
            case FaultKind.StopRunner:
                await _runners[fault.Party].StopForAsync(fault.For, end);
                break;
            case FaultKind.Reset:
                proxy.Reset();
                break;
            case FaultKind.CutOff:
                proxy.Refuse(true);
                proxy.Reset();
                await WaitAsync(fault.For, end);
                proxy.Refuse(false);
                break;
            case FaultKind.HalfOpen:
                proxy.Swallow(true);
                await WaitAsync(fault.For, end);
                proxy.Swallow(false);
                break;
            case FaultKind.Delay:
                proxy.Delay(TimeSpan.FromMilliseconds(fault.Amount));
                await WaitAsync(fault.For, end);
                proxy.Delay(TimeSpan.Zero);
                break;
            default:
                proxy.Throttle(fault.Amount);
                await WaitAsync(fault.For, end);
                proxy.Throttle(0);
                break;
        }

        Disturbed(PartyName(fault.Party), false, from);
    }

    // A call that was under way when the fault ended may still have to run into its limit.
    private void Disturbed(string party, bool isDeath, TimeSpan from) => _seen.Disturbances.Add(new Disturbance(party, isDeath, from, Now + (isDeath ? TimeSpan.Zero : TimeSpan.FromSeconds(10))));

    private static async Task WaitAsync(TimeSpan time, CancellationToken end) =>
        await Task.Delay(time, TimeProvider.System, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // Every fault has ended by itself or been ended; what is left is the clock, and whoever was not restarted.
    private async Task HealAsync()
    {
        Say("healing: no more faults");
        (_clockOffset, _) = (0, 0);
        WriteClock();
        if (_orchestrator.HasEnded) await StartOrchestratorAsync();
        CheckAlive();
    }

    private async Task SettleAsync(CancellationToken giveUp)
    {
        var (since, shown) = (Now, Now);
        while (!giveUp.IsCancellationRequested && Now - since < SettledWithin)
        {
            await WaitAsync(Tick, giveUp);
            CheckAlive();
            if (Unsettled() is { } left && left == 0 && Now - since > TimeSpan.FromSeconds(5)) return;
            if (Now - shown < ShowEvery) continue;
            shown = Now;
            Say(Progress());
        }
    }

    private async Task EndAsync()
    {
        // A killed runner's remains are removed by its next start, so each gets one more; it must then end cleanly.
        foreach (var runner in _runners)
        {
            await ExpectCleanEndAsync(runner);
            var before = RegistrationsIn(runner.Log);
            runner.Start();
            var since = Now;
            while (RegistrationsIn(runner.Log) == before && Now - since < HealthyWithin && !runner.HasEnded) await WaitAsync(Tick, CancellationToken.None);
            if (RegistrationsIn(runner.Log) == before) _seen.Complain("the parties recover", $"{runner} did not register again");
            await ExpectCleanEndAsync(runner);
        }

        await ExpectCleanEndAsync(_orchestrator);
    }

    private async Task ExpectCleanEndAsync(ManagedProcess process)
    {
        if (process.HasEnded) return; // that has been complained about
        var code = await process.TerminateAsync();
        if (code != 0) _seen.Complain("a stop is clean", $"{process} ended with {code?.ToString(CultureInfo.InvariantCulture) ?? "nothing: it did not end"} on SIGTERM");
    }

    private async Task<ChaosOutcome> CheckAsync()
    {
        Say("checking the ledger");
        foreach (var runner in _runners)
        {
            var deaths = _seen.Disturbances.Where(d => d.Party == runner.Name && d.IsDeath).Select(d => d.To).ToArray();
            foreach (var work in RunnerLog.Works(File.ReadLines(runner.Log), runner.Name, _beganAt, deaths, Now)) _seen.Works.Add(work);
        }

        var violations = new List<Violation>(_seen.Complaints);
        violations.AddRange(LedgerCheck.Run(Database, _seen));
        if (await FangsAsync("db", "check", "-sqlite-path", Database) is { Code: not 0 } check) violations.Add(new("the database is sound", $"fangs db check: {check.Output}"));
        var runs = Query("SELECT id FROM runs", r => r.GetString(0)).ToHashSet();
        violations.AddRange(Leftovers.Find(_mark, runs, _stateDirectory, Temporary));
        var figures = Figures();
        SqliteConnection.ClearAllPools();
        if (violations.Count == 0 && !_settings.Keep) Directory.Delete(_directory, recursive: true);
        return new ChaosOutcome(violations, figures, _directory);
    }

    private SortedDictionary<string, long> Figures()
    {
        var figures = new SortedDictionary<string, long>(StringComparer.Ordinal)
        {
            ["scans accepted"] = _seen.Accepted.Count,
            ["scans without an answer"] = _seen.Unanswered,
            ["batches acknowledged"] = _seen.Batches.Distinct().Count(),
            ["connections broken"] = _proxies.Sum(p => (long)p.Broken),
            ["real scans done"] = One($"SELECT count(*) FROM runs WHERE state = 'done' AND runner_id LIKE 'runner-%'"),
            ["events stored"] = One("SELECT count(*) FROM events"),
            ["runs"] = One("SELECT count(*) FROM runs"),
            ["runs repeated"] = One("SELECT count(*) FROM runs WHERE retry_of IS NOT NULL"),
            ["runs lost"] = One("SELECT count(*) FROM runs WHERE failure_reason LIKE 'runner lost%'"),
            ["runs delivered again"] = One("SELECT count(*) FROM runs WHERE attempt > 1"),
            ["runs inconclusive"] = One("SELECT count(*) FROM runs WHERE conclusive = 0"),
            ["baselines"] = One("SELECT count(DISTINCT package_name) FROM baseline_runs"),
        };
        foreach (var (state, count) in Query("SELECT state, count(*) FROM runs GROUP BY state", r => (r.GetString(0), r.GetInt64(1)))) figures["runs " + state] = count;
        foreach (var (kind, count) in _done) figures["fault " + kind] = count;
        return figures;
    }

    private long One(string sql) => Query(sql, r => r.GetInt64(0))[0];

    private async Task StartOrchestratorAsync()
    {
        _orchestrator.Start();
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var since = Now;
        while (Now - since < HealthyWithin)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{_port}/v1/health"));
                if (answer.IsSuccessStatusCode) return;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // Not yet, or it has been stopped meanwhile.
            }

            if (_orchestrator.HasEnded) break;
            await WaitAsync(TimeSpan.FromMilliseconds(50), CancellationToken.None);
        }

        _seen.Complain("the parties recover", $"{_orchestrator} does not serve after its start; see {_orchestrator.Log}");
    }

    // Nobody may end without having been told to.
    private void CheckAlive()
    {
        foreach (var process in _runners.Append(_orchestrator))
        {
            if (!process.ShouldRun || !process.HasEnded) continue;
            _seen.Complain("the parties recover", $"{process} ended by itself with {process.ExitCode}; see {process.Log}");
            process.Start();
        }
    }

    private async Task SubmitAsync(CancellationToken stop)
    {
        var (chance, number) = (new Random(unchecked((_settings.Seed * 1009) - 1)), 0);
        using var line = new PartyLine(_proxies[^1].Port);
        while (!stop.IsCancellationRequested)
        {
            await WaitAsync(TimeSpan.FromMilliseconds(chance.Next(200, 1200)), stop);
            var (kind, client, version) = (chance.Next(4), chance.Next(_settings.Clients), chance.Next(100));
            if (_open > 4 * _proxies.Count) continue;
            var (package, of, target) = kind switch
            {
                0 or 1 => ($"synthetic-{client + 1}", string.Create(CultureInfo.InvariantCulture, $"1.0.{++number}"), PartyName(_settings.Runners + client)),
                2 => (Real[2].Package, Real[2].Versions[version % Real[2].Versions.Length], "*"),
                _ => (Real[version % 2].Package, Real[version % 2].Versions[version / 2 % Real[version % 2].Versions.Length], PartyName(version % _settings.Runners)),
            };
            if (kind > 1 && _openReal > 3 * _settings.Runners) continue;
            await SubmitAsync(line, package, of, target, stop);
        }
    }

    private async Task SubmitAsync(PartyLine line, string package, string version, string target, CancellationToken stop)
    {
        var request = HttpLine.Post("/v1/scans", $$$$"""
            {"target_runner":"{{{{target}}}}","Job":{"kind":"sandbox_scan","package_name":"{{{{package}}}}","version":"{{{{version}}}}","duration":60000000000,"sandbox":{"image":"node:20-slim","grace_period":500000000}}}
            """);
        switch (await line.AskAsync(request, TimeSpan.FromSeconds(10), stop))
        {
            case { Status: 202 } answer:
                using (var json = System.Text.Json.JsonDocument.Parse(answer.Body))
                    _seen.Accepted.Add(new AcceptedScan(json.RootElement.GetProperty("run_id").GetString()!, package, version, Now));
                break;
            case { Status: 404 }:
                break; // that runner has not registered with the orchestrator since its start
            case { Status: >= 500 } or null:
                _seen.AddUnanswered(); // it may have been stored all the same
                break;
            case { } answer:
                _seen.Complain("the protocol is kept", $"a scan was answered with {answer.Status}: {answer.Text}");
                break;
        }
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await WaitAsync(Tick, stop);
            foreach (var id in Query("SELECT id FROM runs WHERE state = 'failed'", r => r.GetString(0))) _seen.FailedAt.TryAdd(id, Now);
            _open = (int)Unsettled();
            _openReal = Query("SELECT count(*) FROM runs WHERE state NOT IN ('done', 'failed') AND package_name NOT LIKE 'synthetic-%'", r => (int)r.GetInt64(0)) is [var n] ? n : 0;
        }
    }

    // -1 when the file cannot be read just now.
    private long Unsettled() => Query("SELECT count(*) FROM runs WHERE state NOT IN ('done', 'failed') OR analyzed_at IS NULL", r => r.GetInt64(0)) is [var n] ? n : -1;

    private string Progress() => string.Create(CultureInfo.InvariantCulture, $"{_seen.Accepted.Count} scans accepted, {_open} open; {_seen.Batches.Count} batches acknowledged; {_seen.FailedAt.Count} runs failed");

    private void Say(string line) => _say(string.Create(CultureInfo.InvariantCulture, $"{Now.TotalSeconds,7:0.0} s  {line}"));

#pragma warning disable CA2100 // constants of this class
    private List<T> Query<T>(string sql, Func<SqliteDataReader, T> map)
    {
        var rows = new List<T>();
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Database, Mode = SqliteOpenMode.ReadOnly, Pooling = false, DefaultTimeout = 5 }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            using var reader = command.ExecuteReader();
            while (reader.Read()) rows.Add(map(reader));
        }
        catch (SqliteException)
        {
            return []; // between two processes its log may be recovered just now
        }

        return rows;
    }
#pragma warning restore CA2100

    private async Task<(int Code, string Output)> FangsAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(_settings.Fangs, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(HealthyWithin);
        return (process.ExitCode, (await output + await error).Trim());
    }

    private static int RegistrationsIn(string log) => File.ReadLines(log).Count(l => l.Contains("Registered as ", StringComparison.Ordinal));

    // libfaketime reads the file at each question for the time. Its fix for waits by the monotonic clock makes those of .NET return at once.
    private void WriteClock()
    {
        File.WriteAllText(_clockFile + ".new", string.Create(CultureInfo.InvariantCulture, $"{_clockOffset:+0.###;-0.###;+0}\n"));
        File.Move(_clockFile + ".new", _clockFile, overwrite: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
