if (args is ["watch", var fangs]) await Fangs.Benchmarks.WatchLoad.RunAsync(fangs);
else if (args is ["dashboard", ..]) await Fangs.Benchmarks.DashboardLoad.RunAsync(args is [_, var folder, ..] ? folder : Path.Combine(Path.GetTempPath(), "fangs-dashboard-load"));
else if (args is ["load", .. var rest]) return await Fangs.Benchmarks.Load.LoadCommand.RunAsync(rest);
else BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
