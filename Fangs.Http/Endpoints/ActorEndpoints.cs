using System.Text.Json.Serialization;
using Akka.Actor;
using Fangs.Actors.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Fangs.Http.Endpoints;

/// <summary>JSON of the operator's endpoints.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(IReadOnlyList<ActorTreeLine>))]
internal sealed partial class OperatorJson : JsonSerializerContext;

/// <summary><c>GET /ui/actors</c>: the live actor tree as JSON, for commands where the pages are off or elsewhere.</summary>
public static class ActorEndpoints
{
    /// <summary>Adds the route.</summary>
    public static void MapActorTree(this IEndpointRouteBuilder routes, IServiceProvider services) =>
        routes.MapGet("/ui/actors", (RequestDelegate)(context => WriteAsync(context, services.GetRequiredService<ActorSystem>())));

    /// <summary>Writes the tree.</summary>
    public static async Task WriteAsync(HttpContext context, ActorSystem system) =>
        await WireAnswer.WriteAsync(context, StatusCodes.Status200OK, await ActorTree.ReadAsync(system), OperatorJson.Default.IReadOnlyListActorTreeLine);
}
