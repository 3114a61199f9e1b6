namespace Fangs.Tests;

public sealed class WireJsonSpecs
{
    [Fact]
    public void A_run_id_keeps_its_text_form() =>
        Assert.Equal("00112233445566778899aabbccddeeff", Fangs.Protocol.RunId.Parse("00112233445566778899aabbccddeeff").ToString());
}
