using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Fangs.Actors.Configuration;

/// <summary>Reads the plain part of YAML into a tree with places: mappings, lists, scalars; one document.</summary>
/// <remarks>
/// Threat: the file may come from a template, a pull request or a wrong path. Anchors and aliases are refused, so that no text of a few
/// lines can stand for a tree of gigabytes; tags are, so that nothing chooses a type; depth is limited while reading, before anything
/// recurses. The size is limited by the caller.
/// </remarks>
internal sealed class YamlReader(List<ConfigurationError> errors)
{
    private const int MaxDepth = 16;

    private readonly Stack<YamlNode> _open = new();
    private readonly Stack<YamlScalar?> _keys = new();
    private YamlNode? _root;
    private int _documents;

    /// <summary>Reads a text. What could be read before the first break is returned, so that its errors can be shown too.</summary>
    /// <returns>The root, or null when the text holds no value.</returns>
    public YamlNode? Read(string text)
    {
        try
        {
            var parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
            while (parser.MoveNext())
            {
                if (parser.Current is { } token && !Take(token)) break;
            }
        }
        catch (YamlException e)
        {
            errors.Add(new ConfigurationError((int)Math.Max(1, e.Start.Line), (int)Math.Max(1, e.Start.Column), "", $"not YAML: {e.Message}"));
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException or OverflowException)
        {
            // The library lets some of its own slips through on texts that are not YAML, such as escapes beyond Unicode.
            errors.Add(new ConfigurationError(1, 1, "", $"not YAML: {e.Message}"));
        }

        foreach (var node in _open) node.IsComplete = false;
        return _root;
    }

    // Returns false when reading must stop.
    private bool Take(ParsingEvent token)
    {
        var (line, column) = ((int)token.Start.Line, (int)token.Start.Column);
        switch (token)
        {
            case DocumentStart when ++_documents > 1:
                return Stop("only one document is read; remove the line --- and what follows");
            case AnchorAlias alias:
                Refuse($"aliases such as *{alias.Value} are not read; write the value out");
                return Place(new YamlScalar("", true, line, column) { IsComplete = false });
            case NodeEvent { Anchor.IsEmpty: false } node:
                Refuse($"anchors such as &{node.Anchor} are not read; remove it and write values out");
                break;
            case NodeEvent { Tag.IsEmpty: false }:
                Refuse("tags that begin with ! are not read; remove it, and put texts that look like something else in quotes");
                break;
        }

        return token switch
        {
            Scalar scalar => Place(new YamlScalar(scalar.Value, scalar.Style == ScalarStyle.Plain, line, column)),
            MappingStart => Open(new YamlMap(line, column)),
            SequenceStart => Open(new YamlList(line, column)),
            MappingEnd or SequenceEnd => Close(),
            _ => true,
        };

        void Refuse(string remedy) => errors.Add(new ConfigurationError(line, column, "", remedy));

        bool Stop(string remedy)
        {
            Refuse(remedy);
            return false;
        }

        bool Open(YamlNode node)
        {
            if (_open.Count == MaxDepth) return Stop($"nested more than {MaxDepth} deep");
            if (_open.TryPeek(out var parent) && parent is YamlMap && _keys.Peek() is null) return Stop("a key must be a plain word");
            _ = Place(node);
            _open.Push(node);
            _keys.Push(null);
            return true;
        }

        bool Close()
        {
            _ = _open.Pop();
            _ = _keys.Pop();
            return true;
        }
    }

    // Puts a node where it belongs: into the list or mapping that is open, as a key when that is due, or at the root.
    private bool Place(YamlNode node)
    {
        if (!_open.TryPeek(out var parent)) _root ??= node;
        else if (parent is YamlList list) list.Items.Add(node);
        else if (parent is YamlMap map)
        {
            if (_keys.Pop() is not { } key)
            {
                _keys.Push((YamlScalar)node);
                return true;
            }

            map.Entries.Add((key, node));
            _keys.Push(null);
        }

        return true;
    }
}
