using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Dashboard;

/// <summary>Makes HTML of components, once; what they show is in their parameters already.</summary>
public sealed class PageRenderer(IServiceProvider services, ILoggerFactory logs)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>HTML of a component.</summary>
    public async Task<byte[]> RenderAsync(Type component, IDictionary<string, object?> parameters)
    {
        await using var renderer = new HtmlRenderer(services, logs);
        return await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var root = await renderer.RenderComponentAsync(component, ParameterView.FromDictionary(parameters));
            var stream = new MemoryStream(32 * 1024);
            await using (var writer = new StreamWriter(stream, Utf8, 8192, leaveOpen: true)) root.WriteHtmlTo(writer);
            return stream.ToArray();
        });
    }
}
