using System.Text.Json.Nodes;

namespace Fangs.Benchmarks.Load;

/// <summary>Lines that <see cref="LoadCommand"/> has printed, read again.</summary>
internal static class PrintedLines
{
    /// <summary>Writes the page from a file of lines; others in it are passed over.</summary>
    public static void WritePage(string file, string page)
    {
        var lines = File.ReadLines(file).Where(line => line.StartsWith('{')).Select(line => JsonNode.Parse(line)!.AsObject()).ToList();
        foreach (var group in lines.GroupBy(line => (Text(line, "date"), Text(line, "commit"), Text(line, "machine"))))
            PerformancePage.Update(page, [[.. group.Select(Read)]], group.Key.Item3, group.Key.Item1, group.Key.Item2);
    }

    private static Figures Read(JsonObject line)
    {
        var figures = new Figures(Text(line, "mode"));
        foreach (var (name, value) in line["figures"]!.AsObject()) figures[name] = value!.GetValue<double>();
        return figures;
    }

    private static string Text(JsonObject line, string name) => line[name]!.GetValue<string>();
}
