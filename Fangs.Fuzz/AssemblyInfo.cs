[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("Fangs.Tests")]
