using System.Text;
using CsCheck;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.Runner.Sandbox;

public sealed class OutputTailSpecs
{
    [Fact]
    public void However_output_is_cut_into_chunks_the_last_characters_stay() =>
        Gen.String[Gen.Char['a', 'z'], 0, 9000].List[0, 12].Sample(chunks =>
        {
            var tail = new OutputTail();
            foreach (var chunk in chunks) tail.Append(Encoding.UTF8.GetBytes(chunk));
            var all = string.Concat(chunks);
            Assert.Equal(all[Math.Max(0, all.Length - OutputTail.MaxCharacters)..], tail.Text);
        });

    [Fact]
    public void A_mark_is_found_across_chunks_and_does_not_show() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[1, 20]).Sample((before, size) =>
        {
            var tail = new OutputTail();
            var seen = tail.Expect("0123456789abcdef");
            foreach (var part in (new string('x', before) + "0123456789abcdef\nrest").Chunk(size)) tail.Append(Encoding.UTF8.GetBytes(part));
            Assert.True(seen.IsCompleted);
            Assert.Equal(new string('x', before) + "rest", tail.Text);
        });

    [Fact]
    public void The_failure_quotes_the_error_lines_of_npm_old_and_new()
    {
        Assert.Equal(
            "npm install ended with status 1: code ETARGET / notarget No matching version found for x@9.9.9.",
            NpmFailure.Describe(1, "npm warn x\nnpm error code ETARGET\nnpm error notarget No matching version found for x@9.9.9.\nnpm error A complete log of this run\n", ""));
        Assert.Equal("npm install ended with status 137: code E404; the limit", NpmFailure.Describe(137, "npm ERR! code E404\n", "the limit"));
        Assert.Equal("npm install ended with status 143: killed by signal 15", NpmFailure.Describe(143, "added 1 package\n", ""));
    }

    [Fact]
    public async Task Output_beyond_the_limit_is_told_once_and_still_read_to_its_end()
    {
        var told = 0;
        var tail = new OutputTail(limit: 100_000, exceeded: () => told++);
        await tail.ReadAsync(new MemoryStream(new byte[100_000]), CancellationToken.None);
        Assert.Equal((0, false), (told, tail.IsExceeded));
        await tail.ReadAsync(new MemoryStream([.. new byte[100_000], .. "end"u8]), CancellationToken.None);
        Assert.Equal((1, true), (told, tail.IsExceeded));
        Assert.EndsWith("end", tail.Text);
    }
}
