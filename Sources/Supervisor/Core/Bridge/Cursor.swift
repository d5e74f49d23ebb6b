import Base
import MCP
import Wire

/// Cursors of lists, as clients see them: the worker's own behind a tag that names the worker. A cursor means something only to the
/// process that made it: with another one's tag it is refused, where the worker could only take it for something else.
enum Cursor {
    static let tagBytes = 8

    /// Of one worker process. `salt` differs from one start of the supervisor to the next.
    static func tag(salt: UInt64, server: Int, epoch: UInt64) -> [UInt8] {
        // SplitMix64: the same input gives the same tag, and near inputs give none that are alike.
        var word = salt &+ UInt64(truncatingIfNeeded: server) &* 0x9E37_79B9_7F4A_7C15 &+ epoch &* 0xD1B5_4A32_D192_ED03
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        return (0..<Self.tagBytes).map { ASCII.hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(4 * $0)) & 0xF) }
    }

    /// The member of `params` that holds one, if the method has it.
    static func range(_ method: MCPMethod, _ params: JSONMembers, _ bytes: Span<UInt8>) -> ByteRange? {
        guard method.isPaged, let range = params.value("cursor", in: bytes), jsonKind(bytes, range) == .string else { return nil }
        return range
    }

    static func hasTag(_ tag: [UInt8], _ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        JSONString.unescape(bytes, range).starts(with: tag)
    }

    /// Appends the worker's cursor as a JSON string.
    static func appendInner(_ bytes: Span<UInt8>, _ range: ByteRange, to output: inout [UInt8]) {
        let inner = [UInt8](JSONString.unescape(bytes, range).dropFirst(Self.tagBytes))
        output.append(#""cursor":"#)
        output.appendJSON(string: inner.span)
    }

    /// Appends the client's.
    static func appendOuter(_ tag: [UInt8], _ bytes: Span<UInt8>, _ range: ByteRange, to output: inout [UInt8]) {
        let outer = tag + JSONString.unescape(bytes, range)
        output.append(#""nextCursor":"#)
        output.appendJSON(string: outer.span)
    }
}

extension MCPMethod {
    /// Whether the result is a page of a list.
    var isPaged: Bool {
        self == .toolsList || self == .promptsList || self == .resourcesList || self == .resourcesTemplatesList
    }
}
