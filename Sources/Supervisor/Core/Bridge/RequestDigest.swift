import Base
import MCP
import Wire

/// What makes a request the same request when it is asked again: the method, the tool, prompt or resource that it names, and the
/// arguments, however the client has serialised them this time. `_meta`, `inputResponses` and `requestState` are different each time
/// by design.
struct RequestDigest: Hashable {
    private let words: [UInt64]

    static let byteCount = 32
    /// Bound: of arguments that are compared by what they mean, which costs a multiple of reading them. Longer ones are compared as
    /// they are written; a client that sends the same request again has written the same.
    static let canonicalBytesMax = 64 << 10

    /// Nil for bytes of another length.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.words = (0..<4).map { word in (0..<8).reduce(0) { $0 << 8 | UInt64(bytes[word * 8 + $1]) } }
    }

    /// Nil when the request has no digest: a method that cannot ask for input, no name, or arguments with two meanings.
    init?(_ method: MCPMethod, _ bytes: Span<UInt8>, params: JSONMembers, _ functions: DigestFunctions) {
        guard method.mayRequireInput, let parameter = method.nameParameter, let name = params.value(parameter, in: bytes) else {
            return nil
        }
        var text: [UInt8] = []
        text.append(method.text)
        text.append(0x0A)
        do throws(JSONTextError) {
            try CanonicalJSON.append(bytes, name, to: &text)
            text.append(0x0A)
            // Absent and empty arguments are the same to every server.
            let arguments = params.value("arguments", in: bytes)
            if let arguments, arguments.count > Self.canonicalBytesMax {
                // No canonical text begins like this.
                text.append(0x00)
                text.append(bytes, arguments)
            } else if let arguments, jsonKind(bytes, arguments) != .null {
                try CanonicalJSON.append(bytes, arguments, to: &text)
            } else {
                text.append("{}")
            }
        } catch {
            return nil
        }
        self.init(functions.sha256(text.span).bytes.span)
    }

    func append(to output: inout [UInt8]) {
        for word in self.words { output.append(bigEndian: word, bytes: 8) }
    }
}

extension [UInt8] {
    /// Appends the lowest `bytes` bytes of `value`, the highest one first.
    mutating func append(bigEndian value: UInt64, bytes: Int) {
        for index in (0..<bytes).reversed() { self.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
}
