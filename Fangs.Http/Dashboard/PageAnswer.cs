using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Fangs.Http.Dashboard;

/// <summary>What a page comes to: a component with its model, and the same as JSON.</summary>
/// <param name="Component">The component; derives from <see cref="Shared.PageBase{TModel}"/>.</param>
/// <param name="Model">What it shows.</param>
/// <param name="Json">The same as JSON; null when there is none.</param>
public sealed record PageAnswer(Type Component, object Model, Func<byte[]>? Json)
{
    /// <summary>HTTP status.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>Whether the JSON form was asked for, where only the answer can tell.</summary>
    public bool IsJson { get; init; }

    /// <summary>Path and query of the next page of a list; null when there is none.</summary>
    public string? Next { get; init; }

    /// <summary>Path and query of the page before; null when there is none.</summary>
    public string? Previous { get; init; }

    /// <summary>A page.</summary>
    public static PageAnswer Of<TPage, TModel>(TModel model) where TPage : Shared.PageBase<TModel> where TModel : notnull => new(typeof(TPage), model, null);

    /// <summary>A page with a JSON form.</summary>
    public static PageAnswer Of<TPage, TModel, TJson>(TModel model, Func<TModel, TJson> json, JsonTypeInfo<TJson> type)
        where TPage : Shared.PageBase<TModel> where TModel : notnull => new(typeof(TPage), model, () => JsonSerializer.SerializeToUtf8Bytes(json(model), type));
}

/// <summary>A page cannot be shown: the status and what to do about it.</summary>
public sealed class PageException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="status">HTTP status.</param>
    /// <param name="title">What is wrong, in a few words.</param>
    /// <param name="message">What to do.</param>
    public PageException(int status, string title, string message) : base(message) => (Status, Title) = (status, title);

    /// <summary>HTTP status.</summary>
    public int Status { get; }

    /// <summary>What is wrong, in a few words.</summary>
    public string Title { get; }

    /// <summary>A command that helps; empty when there is none.</summary>
    public string Command { get; init; } = "";

    /// <summary>What could have been meant: texts and the pages that they lead to.</summary>
    public IReadOnlyList<PageChoice> Choices { get; init; } = [];

    /// <summary>There is no such thing.</summary>
    public static PageException NotFound(string title, string message) => new(StatusCodes.Status404NotFound, title, message);
}

/// <summary>One of several things that could have been meant.</summary>
/// <param name="Text">What it is.</param>
/// <param name="Detail">What tells it from the others.</param>
/// <param name="Url">Where it is.</param>
public sealed record PageChoice(string Text, string Detail, string Url);
