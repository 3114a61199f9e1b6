return await Fangs.Chaos.ChaosCommand.RunAsync(args);
