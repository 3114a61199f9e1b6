using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Fangs.Tests.Architecture;

/// <summary>What the code of a namespace uses, read from the metadata and the instructions of its compiled types.</summary>
/// <remarks>
/// Uses are named <c>Namespace.Type</c> and <c>Namespace.Type::Member</c>. They come from base types, interfaces, attributes, the signatures of
/// fields, methods and local variables, and every instruction that names a type or member. Closures and state machines are nested in the type
/// that they were made for, so they count too.
/// </remarks>
internal static class NamespaceUses
{
    private static readonly Dictionary<int, OperandType> Operands = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!)
        .ToDictionary(o => o.Value & 0xffff, o => o.OperandType);

    /// <summary>Everything that the namespace and those below it use, by the type that uses it.</summary>
    internal static ILookup<string, string> Of(Assembly assembly, string @namespace)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        var metadata = file.GetMetadataReader();
        var walk = new Walk(metadata, file);
        var uses = new List<(string User, string Use)>();
        foreach (var handle in metadata.TypeDefinitions)
        {
            var name = walk.NameOf(handle);
            if (name.StartsWith(@namespace + ".", StringComparison.Ordinal)) uses.AddRange(walk.UsesOf(handle).Distinct().Select(use => (name, use)));
        }

        return uses.ToLookup(u => u.User, u => u.Use);
    }

    private sealed class Walk(MetadataReader metadata, PEReader file) : ISignatureTypeProvider<IEnumerable<string>, object?>
    {
        internal List<string> UsesOf(TypeDefinitionHandle handle)
        {
            var type = metadata.GetTypeDefinition(handle);
            var uses = new List<string>();
            if (!type.BaseType.IsNil) uses.AddRange(UsesOf(type.BaseType));
            foreach (var i in type.GetInterfaceImplementations()) uses.AddRange(UsesOf(metadata.GetInterfaceImplementation(i).Interface));
            foreach (var a in type.GetCustomAttributes()) uses.AddRange(UsesOf(metadata.GetCustomAttribute(a).Constructor));
            foreach (var f in type.GetFields()) uses.AddRange(metadata.GetFieldDefinition(f).DecodeSignature(this, null));
            foreach (var m in type.GetMethods()) uses.AddRange(UsesOf(metadata.GetMethodDefinition(m)));
            return uses;
        }

        internal string NameOf(TypeDefinitionHandle handle)
        {
            var type = metadata.GetTypeDefinition(handle);
            var name = metadata.GetString(type.Name);
            if (!type.GetDeclaringType().IsNil) return $"{NameOf(type.GetDeclaringType())}+{name}";
            return type.Namespace.IsNil ? name : $"{metadata.GetString(type.Namespace)}.{name}";
        }

        private string NameOf(TypeReferenceHandle handle)
        {
            var type = metadata.GetTypeReference(handle);
            var name = metadata.GetString(type.Name);
            if (type.ResolutionScope.Kind == HandleKind.TypeReference) return $"{NameOf((TypeReferenceHandle)type.ResolutionScope)}+{name}";
            return type.Namespace.IsNil ? name : $"{metadata.GetString(type.Namespace)}.{name}";
        }

        private List<string> UsesOf(MethodDefinition method)
        {
            var uses = Types(method.DecodeSignature(this, null)).ToList();
            if (method.RelativeVirtualAddress == 0) return uses;
            var body = file.GetMethodBody(method.RelativeVirtualAddress);
            if (!body.LocalSignature.IsNil) uses.AddRange(metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(this, null).SelectMany(t => t));
            foreach (var region in body.ExceptionRegions)
                if (!region.CatchType.IsNil) uses.AddRange(UsesOf(region.CatchType));
            var code = body.GetILReader();
            while (code.RemainingBytes > 0) uses.AddRange(UsesOfInstruction(ref code));
            return uses;
        }

        private IEnumerable<string> UsesOfInstruction(ref BlobReader code)
        {
            int value = code.ReadByte();
            if (value == 0xfe) value = 0xfe00 | code.ReadByte();
            switch (Operands[value])
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    return UsesOf(MetadataTokens.EntityHandle(code.ReadInt32()));
                case OperandType.InlineSwitch:
                    var targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    return [];
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    return [];
                case OperandType.InlineNone:
                    return [];
                case OperandType.InlineVar:
                    code.Offset += 2;
                    return [];
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset += 1;
                    return [];
                default:
                    code.Offset += 4;
                    return [];
            }
        }

        private IEnumerable<string> UsesOf(EntityHandle handle)
        {
            switch (handle.Kind)
            {
                case HandleKind.TypeDefinition:
                    return [NameOf((TypeDefinitionHandle)handle)];
                case HandleKind.TypeReference:
                    return [NameOf((TypeReferenceHandle)handle)];
                case HandleKind.TypeSpecification:
                    return metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null);
                case HandleKind.MethodSpecification:
                    var generic = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                    return [.. UsesOf(generic.Method), .. generic.DecodeSignature(this, null).SelectMany(t => t)];
                case HandleKind.MethodDefinition:
                    var method = metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                    var owner = NameOf(method.GetDeclaringType());
                    return [owner, $"{owner}::{metadata.GetString(method.Name)}"];
                case HandleKind.FieldDefinition:
                    var field = metadata.GetFieldDefinition((FieldDefinitionHandle)handle);
                    return [NameOf(field.GetDeclaringType()), .. field.DecodeSignature(this, null)];
                case HandleKind.MemberReference:
                    var member = metadata.GetMemberReference((MemberReferenceHandle)handle);
                    var signature = member.GetKind() == MemberReferenceKind.Field
                        ? member.DecodeFieldSignature(this, null)
                        : Types(member.DecodeMethodSignature(this, null));
                    var parents = UsesOf(member.Parent).ToList();
                    return [.. parents, .. parents.Take(1).Select(p => $"{p}::{metadata.GetString(member.Name)}"), .. signature];
                default:
                    return [];
            }
        }

        private static IEnumerable<string> Types(MethodSignature<IEnumerable<string>> signature) =>
            signature.ReturnType.Concat(signature.ParameterTypes.SelectMany(t => t));

        public IEnumerable<string> GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => [NameOf(handle)];

        public IEnumerable<string> GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => [NameOf(handle)];

        public IEnumerable<string> GetTypeFromSpecification(MetadataReader reader, object? context, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, context);

        public IEnumerable<string> GetPrimitiveType(PrimitiveTypeCode typeCode) => [];

        public IEnumerable<string> GetArrayType(IEnumerable<string> elementType, ArrayShape shape) => elementType;

        public IEnumerable<string> GetSZArrayType(IEnumerable<string> elementType) => elementType;

        public IEnumerable<string> GetByReferenceType(IEnumerable<string> elementType) => elementType;

        public IEnumerable<string> GetPointerType(IEnumerable<string> elementType) => elementType;

        public IEnumerable<string> GetPinnedType(IEnumerable<string> elementType) => elementType;

        public IEnumerable<string> GetModifiedType(IEnumerable<string> modifier, IEnumerable<string> unmodifiedType, bool isRequired) => unmodifiedType;

        public IEnumerable<string> GetGenericInstantiation(IEnumerable<string> genericType, System.Collections.Immutable.ImmutableArray<IEnumerable<string>> arguments) =>
            genericType.Concat(arguments.SelectMany(t => t));

        public IEnumerable<string> GetFunctionPointerType(MethodSignature<IEnumerable<string>> signature) => Types(signature);

        public IEnumerable<string> GetGenericMethodParameter(object? context, int index) => [];

        public IEnumerable<string> GetGenericTypeParameter(object? context, int index) => [];
    }
}
