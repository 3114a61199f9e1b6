[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("Fangs.Tests")]
[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("Fangs.Fuzz")]
