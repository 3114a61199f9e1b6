using System.Reflection;
using Cocona;
using CsCheck;
using Fangs.Cli;
using Fangs.Cli.Arguments;

namespace Fangs.Tests.Cli;

public sealed class GoStyleArgumentsSpecs
{
    private static readonly CommandSpec List = new("run list", "", [new("package", FlagKind.Text, "", ""), new("limit", FlagKind.Count, "50", "")]);
    private static readonly CommandSpec Show = new("run show", "", [new("events", FlagKind.Boolean, "false", "")]) { Arguments = ["run"] };
    private static readonly CommandSpec Up = new(
        "up", "", [new("scan", FlagKind.TextList, "", ""), new("duration", FlagKind.Duration, "60s", ""), new("yes", FlagKind.Boolean, "false", "")]);

    private static readonly GoStyleArguments Reader = new([List, Show, Up], [new("json", FlagKind.Boolean, "false", ""), new("db", FlagKind.Text, "x", "")]);

    private static readonly string[] Words =
        ["run", "list", "show", "up", "-limit", "-limit=3", "--json", "-scan", "--", "-", "", "-h", "help", "=", "-x", "a b"];

    private static CommandLine Parse(string line) => Reader.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    [Theory]
    [InlineData("run list -package a -limit 7 -json")]
    [InlineData("run list --package a --limit 7 --json")]
    [InlineData("-json run list -package=a --limit=7")]
    [InlineData("-json=true -limit 7 run -package a list")]
    [InlineData("--limit 007 --package=b run list --json=T --package a")]
    public void Every_form_and_position_of_a_flag_means_the_same(string text)
    {
        var line = Parse(text);
        Assert.Same(List, line.Command);
        Assert.Equal("a", line.Text("package"));
        Assert.Equal("7", line.Text("limit"));
        Assert.True(line.IsSet("json"));
        Assert.Equal(["run", "list", "--package=a", "--limit=7"], line.ToCocona());
    }

    [Fact]
    public void Defaults_fill_what_was_not_given()
    {
        var line = Parse("run list");
        Assert.Equal(["run", "list", "--package=", "--limit=50"], line.ToCocona());
        Assert.Empty(line.Given);
        Assert.False(line.IsSet("json"));
    }

    [Fact]
    public void A_boolean_does_not_swallow_the_word_behind_it()
    {
        var line = Parse("run show -events abc");
        Assert.Equal(["abc"], line.Arguments);
        Assert.Equal(["run", "show", "--events=true", "--", "abc"], line.ToCocona());
        Assert.False(Parse("run show abc -events=false").IsSet("events"));
    }

    [Fact]
    public void A_flag_with_a_value_takes_whatever_follows() => Assert.Equal("-limit", Parse("run list -package -limit").Text("package"));

    [Fact]
    public void A_list_flag_collects_and_durations_reach_Cocona_in_its_own_notation() =>
        Assert.Equal(["up", "--scan=a@1.0.0", "--scan=b", "--duration=01:30:00", "--yes=true"], Parse("up -scan a@1.0.0 --scan=b -duration 1h30m -yes").ToCocona());

    [Fact]
    public void Two_dashes_end_the_flags() => Assert.Equal(["-abc"], Parse("run show -- -abc").Arguments);

    [Theory]
    [InlineData("run list extra", "unexpected argument 'extra'")]
    [InlineData("run show", "needs <run>")]
    [InlineData("run show a b", "unexpected argument 'b'")]
    [InlineData("run list -nope", "unknown flag -nope")]
    [InlineData("run list -nope=secret", "unknown flag -nope")]
    [InlineData("run list -events", "has no flag -events")]
    [InlineData("run list -limit", "needs a value")]
    [InlineData("run list -limit -5", "whole number")]
    [InlineData("run list -limit 1.5", "whole number")]
    [InlineData("run list -limit=99999999999", "whole number")]
    [InlineData("run list -json=maybe", "true or false")]
    [InlineData("up -duration 90", "duration such as")]
    [InlineData("up -duration -5s", "duration such as")]
    [InlineData("run list ---limit 5", "not a flag")]
    [InlineData("run list -=5", "not a flag")]
    [InlineData("run", "needs a subcommand: run list, run show")]
    [InlineData("run nope", "unknown command 'run nope'")]
    [InlineData("nope", "unknown command 'nope'")]
    [InlineData("-limit 5", "needs a command")]
    public void Mistakes_are_told(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => Parse(text)).Message);

    [Theory]
    [InlineData("-h")]
    [InlineData("--help")]
    [InlineData("run show -h")]
    [InlineData("help run show")]
    [InlineData("help")]
    [InlineData("run -help")]
    public void Help_is_understood_everywhere_and_asks_for_nothing_else(string text) => Assert.True(Parse(text).WantsHelp);

    [Fact]
    public void A_flag_name_means_one_kind_in_all_commands() => Assert.Throws<ArgumentException>(
        () => new GoStyleArguments([List, new CommandSpec("x", "", [new("limit", FlagKind.Text, "", "")])], []));

    [Fact]
    public void The_place_of_flags_never_matters() =>
        // Words stay in order; three flags are dropped in between at random places.
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 2], Gen.Bool, Gen.Bool).Sample((a, b, c, joined, doubled) =>
        {
            var dash = doubled ? "--" : "-";
            string[][] flags = [joined ? [$"{dash}package=p q"] : [$"{dash}package", "p q"], joined ? [$"{dash}limit=9"] : [$"{dash}limit", "9"], [$"{dash}json"]];
            var words = new List<string>();
            for (var place = 0; place <= 2; place++)
            {
                foreach (var (_, flag) in Enumerable.Zip([a, b, c], flags).Where(pair => pair.First == place)) words.AddRange(flag);
                if (place < 2) words.Add(place == 0 ? "run" : "list");
            }

            var line = Reader.Parse(words);
            return line.Command == List && line.Text("package") == "p q" && line.Text("limit") == "9" && line.IsSet("json");
        });

    [Fact]
    public void Any_words_give_a_line_or_a_usage_error() =>
        Gen.Int[0, Words.Length - 1].Select(i => Words[i]).Array[0, 8].Sample(words =>
        {
            try
            {
                Reader.Parse(words);
            }
            catch (UsageException e)
            {
                Assert.NotEmpty(e.Message);
            }
        });

    [Fact]
    public void Cocona_is_given_exactly_the_parameters_that_each_command_declares()
    {
        var call = new Invocation(null!, null!, default);
        foreach (var (spec, bind) in CommandTable.Entries)
        {
            var parameters = bind(call).Method.GetParameters();
            var options = parameters.Select(p => p.GetCustomAttribute<OptionAttribute>()?.Name).OfType<string>();
            Assert.Equal(spec.Flags.Where(flag => flag.IsBound).Select(flag => flag.Name).Order(), options.Order());
            Assert.Equal(spec.Arguments.Count, parameters.Count(p => p.GetCustomAttribute<ArgumentAttribute>() is not null));
        }
    }

    [Fact]
    public void Every_example_of_the_help_texts_is_a_valid_command_line()
    {
        var reader = new GoStyleArguments([.. CommandTable.Entries.Select(entry => entry.Spec)], GlobalFlags.All);
        foreach (var (spec, example) in CommandTable.Entries.SelectMany(entry => entry.Spec.Examples.Select(example => (entry.Spec, example))))
            Assert.Same(spec, reader.Parse(example.Split(' ')).Command);
    }
}
