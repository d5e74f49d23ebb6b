import Base
import MCP
import Wire

/// A client's request as the scanner understood it. All ranges are into the same bytes.
struct IncomingRequest {
    let envelope: JSONRPCEnvelope
    let method: MCPMethod
    /// Members of `params`; empty when there are none.
    let params: JSONMembers
    /// Members of `params._meta`; empty when there is none.
    let meta: JSONMembers
    let metadata: RequestMetadata
}

/// Writes the line that carries a client's request to a worker.
///
/// Nothing is decoded: members are copied as the bytes received. Only the id, the progress token and the members of one era that
/// the other does not know are replaced, added or left out (`docs/ARCHITECTURE.md`, "The way of a call").
struct RequestRewrite {
    let from: Revision.Era
    let to: Revision.Era
    /// The call's integer on the worker's channel.
    let wireID: UInt64
    /// What a legacy session set by `logging/setLevel`; a modern worker is told with every request.
    let sessionLogLevel: LogLevel?
    /// What a legacy client said once and a modern worker is told with every request.
    let capabilities: ClientCapabilities

    /// Our own members of `_meta`. From a client they are forgeries, so they never pass.
    static let ownPrefix: StaticString = "io.mcp-supervisor/"

    func append(_ request: IncomingRequest, _ bytes: Span<UInt8>, to line: inout [UInt8]) {
        line.append(addingCapacity: 64) {
            $0.append(#"{"jsonrpc":"2.0","id":"#)
            $0.append(decimal: self.wireID)
            $0.append(#","method":"#)
        }
        if let method = request.envelope.method { line.append(bytes, method) }
        if self.passesUnchanged(request, bytes) {
            if let params = request.envelope.params {
                line.append(#","params":"#)
                Self.copy(bytes, params, request.envelope.needsLineRewrite, to: &line)
            }
        } else {
            line.append(#","params":{"#)
            self.appendParams(request, bytes, to: &line)
            line.append(0x7D)
        }
        line.append("}\n")
    }

    /// Whether `params` can be copied whole, the common case of a hot path between peers of one era.
    private func passesUnchanged(_ request: IncomingRequest, _ bytes: Span<UInt8>) -> Bool {
        guard self.from == self.to else { return false }
        guard Cursor.range(request.method, request.params, bytes) == nil else { return false }
        guard request.metadata.progressToken == nil else { return false }
        return !request.meta.members.contains { self.drops($0, request, bytes) }
    }

    private func appendParams(_ request: IncomingRequest, _ bytes: Span<UInt8>, to line: inout [UInt8]) {
        var isFirst = true
        let rewrites = request.envelope.needsLineRewrite
        let cursor = Cursor.range(request.method, request.params, bytes)
        for member in request.params.members where !self.isReplaced(member, request, bytes) {
            Self.separate(&isFirst, &line)
            if let cursor, cursor == member.value {
                Cursor.appendInner(bytes, cursor, to: &line)
            } else {
                Self.copy(member, bytes, rewrites, to: &line)
            }
        }
        Self.appendMetaObject(after: isFirst, to: &line) { self.appendMeta(request, bytes, to: &$0) }
    }

    /// Appends a `_meta` member with what `members` writes; nothing at all when it writes nothing.
    static func appendMetaObject(after isFirst: Bool, to output: inout [UInt8], members: (inout [UInt8]) -> Void) {
        let before = output.count
        if !isFirst { output.append(0x2C) }
        output.append(#""_meta":{"#)
        let empty = output.count
        members(&output)
        if output.count == empty { return output.removeLast(empty - before) }
        output.append(0x7D)
    }

    private func appendMeta(_ request: IncomingRequest, _ bytes: Span<UInt8>, to meta: inout [UInt8]) {
        var isFirst = true
        for member in request.meta.members where !self.drops(member, request, bytes) {
            if member.value == request.metadata.progressToken { continue }
            Self.separate(&isFirst, &meta)
            Self.copy(member, bytes, request.envelope.needsLineRewrite, to: &meta)
        }
        if request.metadata.progressToken != nil {
            Self.separate(&isFirst, &meta)
            meta.append(#""progressToken":"#)
            meta.append(decimal: self.wireID)
        }
        if self.from == .legacy && self.to == .modern {
            Self.separate(&isFirst, &meta)
            meta.append(#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":"#)
            self.capabilities.append(to: &meta)
            meta.append(#","io.modelcontextprotocol/clientInfo":"#)
            Handshake.appendClientInfo(to: &meta)
            if let level = self.sessionLogLevel {
                meta.append(#","io.modelcontextprotocol/logLevel":""#)
                meta.append(level.text)
                meta.append(0x22)
            }
        }
    }

    private func isReplaced(_ member: JSONMember, _ request: IncomingRequest, _ bytes: Span<UInt8>) -> Bool {
        if Self.isKey(member, "_meta", bytes) { return true }
        // A legacy worker would take the answers to its own questions for arguments.
        guard self.from == .modern && self.to == .legacy else { return false }
        return Self.isKey(member, "inputResponses", bytes) || Self.isKey(member, "requestState", bytes)
    }

    /// Whether a member of `_meta` must not reach the worker.
    private func drops(_ member: JSONMember, _ request: IncomingRequest, _ bytes: Span<UInt8>) -> Bool {
        if Self.isOurs(member, bytes) { return true }
        guard self.to == .legacy || self.from == .legacy else { return false }
        return request.metadata.isModernEnvelope(member.value)
    }

    /// Keys are compared after unescaping, as every reader of JSON does: some encoders write `\/`, and an escape must not hide a
    /// forged key from us that the worker then sees.
    static func isKey(_ member: JSONMember, _ key: StaticString, _ bytes: Span<UInt8>) -> Bool {
        member.hasKey(key, in: bytes)
    }

    /// Whether the key begins with `ownPrefix`.
    static func isOurs(_ member: JSONMember, _ bytes: Span<UInt8>) -> Bool {
        guard member.keyHasEscapes else { return bytes.extracting(member.key.range).hasPrefix(Self.ownPrefix) }
        return JSONString.unescape(bytes, Self.quoted(member)).span.hasPrefix(Self.ownPrefix)
    }

    /// The name with its quotes, which lie around the key's range.
    static func quoted(_ member: JSONMember) -> ByteRange { ByteRange(member.key.lowerBound - 1, member.key.upperBound + 1) }

    static func separate(_ isFirst: inout Bool, _ output: inout [UInt8]) {
        if !isFirst { output.append(0x2C) }
        isFirst = false
    }

    /// Copies `"key":value`.
    static func copy(_ member: JSONMember, _ bytes: Span<UInt8>, _ rewrites: Bool, to output: inout [UInt8]) {
        Self.copy(bytes, member.whole, rewrites, to: &output)
    }

    static func copy(_ bytes: Span<UInt8>, _ range: ByteRange, _ rewrites: Bool, to output: inout [UInt8]) {
        if rewrites { output.appendLine(bytes, range) } else { output.append(bytes, range) }
    }
}

extension Span where Element == UInt8 {
    func hasPrefix(_ text: StaticString) -> Bool {
        self.count >= text.utf8CodeUnitCount && self.extracting(0..<text.utf8CodeUnitCount).equals(text)
    }
}
