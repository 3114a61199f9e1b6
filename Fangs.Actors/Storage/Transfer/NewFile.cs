namespace Fangs.Actors.Storage.Transfer;

/// <summary>A file that is written under another name and appears under its own when it is complete. Only its owner may read it.</summary>
public sealed class NewFile : IDisposable
{
    private readonly string _path;

    /// <summary>Names it.</summary>
    /// <exception cref="IOException">There is a file of that name.</exception>
    public NewFile(string path)
    {
        _path = Path.GetFullPath(path);
        if (File.Exists(_path)) throw new IOException($"{_path} exists already: choose another name, nothing is replaced.");
    }

    /// <summary>Where it is written.</summary>
    public string PartPath => _path + ".part";

    /// <summary>Opens it for writing.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public FileStream Create()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 1 << 16 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(PartPath, options);
    }

    /// <summary>Makes what was written durable and lets it appear.</summary>
    /// <returns>Its size in bytes.</returns>
    /// <exception cref="IOException">Somebody has made a file of that name meanwhile.</exception>
    public long Complete()
    {
        using (var written = new FileStream(PartPath, FileMode.Open, FileAccess.ReadWrite)) written.Flush(flushToDisk: true);
        File.Move(PartPath, _path, overwrite: false);
        return new FileInfo(_path).Length;
    }

    /// <summary>Removes what is incomplete.</summary>
    public void Dispose() => File.Delete(PartPath);
}
