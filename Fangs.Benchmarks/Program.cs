if (args is ["watch", var fangs]) await Fangs.Benchmarks.WatchLoad.RunAsync(fangs);
else if (args is ["dashboard", ..]) await Fangs.Benchmarks.DashboardLoad.RunAsync(args is [_, var folder, ..] ? folder : Path.Combine(Path.GetTempPath(), "fangs-dashboard-load"));
else BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
