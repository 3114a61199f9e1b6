using Microsoft.AspNetCore.Components;

namespace Fangs.Http.Dashboard.Shared;

/// <summary>A page, or a part of one that is replaced while it is open.</summary>
public abstract class PageBase<TModel> : ComponentBase
{
    /// <summary>What every page knows.</summary>
    [CascadingParameter]
    public PageFrame Frame { get; set; } = null!;

    /// <summary>What it shows.</summary>
    [Parameter, EditorRequired]
    public TModel Model { get; set; } = default!;
}
