if (args is ["watch", var fangs]) await Fangs.Benchmarks.WatchLoad.RunAsync(fangs);
else BenchmarkDotNet.Running.BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
