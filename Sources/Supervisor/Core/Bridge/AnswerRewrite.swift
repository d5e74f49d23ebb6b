import Base
import MCP
import Wire

/// Writes what a worker answered as the answer to the client's own request.
///
/// Between peers of one era the result is copied as it is. Otherwise the members of the modern result envelope (`resultType`,
/// `ttlMs`, `cacheScope`, `_meta.serverInfo`) are added or left out, and error codes that the client's era does not have are replaced.
struct AnswerRewrite {
    let from: Revision.Era
    let to: Revision.Era
    let method: MCPMethod
    /// Raw JSON: who a modern client is told has answered.
    let serverInfo: [UInt8]

    /// How long a client may keep a list of a legacy worker, which cannot say so itself.
    static let listTimeToLive: StaticString = #","ttlMs":5000,"cacheScope":"private""#
    /// A resource may change at any time, and a legacy worker cannot say how soon.
    static let noTimeToLive: StaticString = #","ttlMs":0,"cacheScope":"private""#

    static func begin(_ id: JSONLexeme, to output: inout [UInt8]) {
        output.append(#"{"jsonrpc":"2.0","id":"#)
        id.append(to: &output)
    }

    /// Appends `,"result":…}`. `members` are those of the result.
    func appendResult(_ envelope: JSONRPCEnvelope, _ members: JSONMembers, _ bytes: Span<UInt8>, to output: inout [UInt8]) {
        guard let result = envelope.result else { return output.append(#","result":{}}"#) }
        output.append(#","result":"#)
        let meta = members.value("_meta", in: bytes)
        let isObject = bytes[result.lowerBound] == 0x7B
        if self.from == self.to && meta == nil || !isObject {
            RequestRewrite.copy(bytes, result, envelope.needsLineRewrite, to: &output)
        } else {
            output.append(0x7B)
            self.appendMembers(members, meta, bytes, envelope.needsLineRewrite, to: &output)
            output.append(0x7D)
        }
        output.append(0x7D)
    }

    private func appendMembers(
        _ members: JSONMembers, _ meta: ByteRange?, _ bytes: Span<UInt8>, _ rewrites: Bool, to output: inout [UInt8]
    ) {
        var isFirst = true
        if self.from == .legacy && self.to == .modern {
            output.append(#""resultType":"complete""#)
            if self.method.isCacheable {
                output.append(self.method == .resourcesRead ? Self.noTimeToLive : Self.listTimeToLive)
            }
            isFirst = false
        }
        for member in members.members where !self.drops(member, bytes) {
            RequestRewrite.separate(&isFirst, &output)
            RequestRewrite.copy(member, bytes, rewrites, to: &output)
        }
        RequestRewrite.appendMetaObject(after: isFirst, to: &output) { self.appendMeta(meta, bytes, rewrites, to: &$0) }
    }

    private func drops(_ member: JSONMember, _ bytes: Span<UInt8>) -> Bool {
        if RequestRewrite.isKey(member, "_meta", bytes) { return true }
        guard self.from != self.to else { return false }
        return RequestRewrite.isKey(member, "resultType", bytes) || RequestRewrite.isKey(member, "ttlMs", bytes)
            || RequestRewrite.isKey(member, "cacheScope", bytes)
    }

    private func appendMeta(_ meta: ByteRange?, _ bytes: Span<UInt8>, _ rewrites: Bool, to output: inout [UInt8]) {
        var isFirst = true
        if self.from == .legacy && self.to == .modern {
            output.append(#""io.modelcontextprotocol/serverInfo":"#)
            output.append(contentsOf: self.serverInfo)
            isFirst = false
        }
        guard let meta else { return }
        var members = JSONMembers()
        var scanner = JSONScanner()
        // Expected: the bytes were validated with the message; a `_meta` that is no object has no members to keep.
        guard (try? scanner.scanObject(bytes, at: meta, into: &members)) != nil else { return }
        for member in members.members {
            // As with requests: nobody writes these with escapes, unless to hide something.
            if member.keyHasEscapes || bytes.extracting(member.key.range).hasPrefix(RequestRewrite.ownPrefix) { continue }
            if self.from != self.to && RequestRewrite.isKey(member, "io.modelcontextprotocol/serverInfo", bytes) { continue }
            RequestRewrite.separate(&isFirst, &output)
            RequestRewrite.copy(member, bytes, rewrites, to: &output)
        }
    }

    /// Appends `,"error":…}` and returns the code that the client sees.
    func appendError(_ envelope: JSONRPCEnvelope, _ bytes: Span<UInt8>, to output: inout [UInt8]) -> Int64 {
        output.append(#","error":"#)
        guard let error = envelope.error else {
            output.append(#"{"code":-32603,"message":"the worker sent an error without content"}}"#)
            return -32603
        }
        var members = JSONMembers()
        var scanner = JSONScanner()
        try? scanner.scanObject(bytes, at: error, into: &members)
        guard let codeRange = members.value("code", in: bytes), let code = JSONNumber.int64(bytes, codeRange) else {
            output.append(#"{"code":-32603,"message":"the worker sent an error without a code"}}"#)
            return -32603
        }
        let translated = self.translated(code)
        if translated == code {
            RequestRewrite.copy(bytes, error, envelope.needsLineRewrite, to: &output)
        } else {
            output.append(#"{"code":"#)
            output.append(decimal: translated)
            for key: StaticString in ["message", "data"] {
                guard let value = members.value(key, in: bytes) else { continue }
                output.append(",\"")
                output.append(key)
                output.append("\":")
                RequestRewrite.copy(bytes, value, envelope.needsLineRewrite, to: &output)
            }
            output.append(0x7D)
        }
        output.append(0x7D)
        return translated
    }

    /// A modern client must not see the codes of older revisions (2026-07-28, error codes).
    private func translated(_ code: Int64) -> Int64 {
        guard self.to == .modern, self.from == .legacy else { return code }
        if code == ErrorCode.resourceNotFound.rawValue { return ErrorCode.invalidParams.rawValue }
        return ErrorCode(rawValue: code).mayBeSentToModernClient ? code : ErrorCode.internalError.rawValue
    }
}
