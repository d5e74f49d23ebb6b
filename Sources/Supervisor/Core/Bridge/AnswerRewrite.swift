import Base
import MCP
import Wire

/// Writes what a worker answered as the answer to the client's own request.
///
/// Between peers of one era the result is copied as it is. Otherwise the members of the modern result envelope (`resultType`,
/// `ttlMs`, `cacheScope`, `_meta.serverInfo`) are added or left out, and error codes that the client's era does not have are replaced.
struct AnswerRewrite {
    /// The worker's.
    let from: Revision.Era
    /// The client's.
    let revision: Revision
    let method: MCPMethod
    /// The JSON string of the resource that was asked for, or empty.
    let resource: [UInt8]
    /// Raw JSON: who a modern client is told has answered.
    let serverInfo: [UInt8]
    /// See `Cursor`.
    let cursorTag: [UInt8]

    /// How long a client may keep a list of a legacy worker, which cannot say so itself.
    static let listTimeToLive: StaticString = #","ttlMs":5000,"cacheScope":"private""#
    /// A resource may change at any time, and a legacy worker cannot say how soon.
    static let noTimeToLive: StaticString = #","ttlMs":0,"cacheScope":"private""#

    private var to: Revision.Era { self.revision.era }

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
        let downgrade = ResultDowngrade(method: self.method, revision: self.revision, workerEra: self.from)
        let changes = downgrade.isPossible && isObject ? downgrade.changes(members, bytes) : nil
        let isLastPage = !self.method.isPaged || members.value("nextCursor", in: bytes) == nil
        if self.from == self.to && meta == nil && changes == nil && isLastPage || !isObject {
            RequestRewrite.copy(bytes, result, envelope.needsLineRewrite, to: &output)
        } else {
            output.append(0x7B)
            self.appendMembers(members, meta, changes, bytes, envelope.needsLineRewrite, to: &output)
            output.append(0x7D)
        }
        output.append(0x7D)
    }

    private func appendMembers(
        _ members: JSONMembers, _ meta: ByteRange?, _ changes: ResultDowngrade.Changes?, _ bytes: Span<UInt8>, _ rewrites: Bool,
        to output: inout [UInt8]
    ) {
        var isFirst = true
        if self.from == .legacy && self.to == .modern {
            output.append(#""resultType":"complete""#)
            if self.method.isCacheable {
                output.append(self.method == .resourcesRead ? Self.noTimeToLive : Self.listTimeToLive)
            }
            isFirst = false
        }
        if let changes, !changes.adding.isEmpty {
            RequestRewrite.separate(&isFirst, &output)
            output.append(contentsOf: changes.adding)
        }
        for member in members.members where !self.drops(member, bytes) && changes?.removes(member, in: bytes) != true {
            RequestRewrite.separate(&isFirst, &output)
            if self.method.isPaged, RequestRewrite.isKey(member, "nextCursor", bytes), jsonKind(bytes, member.value) == .string {
                Cursor.appendOuter(self.cursorTag, bytes, member.value, to: &output)
            } else {
                RequestRewrite.copy(member, bytes, rewrites, to: &output)
            }
        }
        RequestRewrite.appendMetaObject(after: isFirst, to: &output) { self.appendMeta(meta, bytes, rewrites, to: &$0) }
    }

    private func drops(_ member: JSONMember, _ bytes: Span<UInt8>) -> Bool {
        if RequestRewrite.isKey(member, "_meta", bytes) { return true }
        guard self.from != self.to else { return false }
        return Self.envelope.contains { RequestRewrite.isKey(member, $0, bytes) }
    }

    /// Members of every modern result that no legacy one has.
    private static let envelope: [StaticString] = ["resultType", "ttlMs", "cacheScope"]

    private func appendMeta(_ meta: ByteRange?, _ bytes: Span<UInt8>, _ rewrites: Bool, to output: inout [UInt8]) {
        var isFirst = true
        if self.from == .legacy && self.to == .modern {
            output.append(#""io.modelcontextprotocol/serverInfo":"#)
            output.append(contentsOf: self.serverInfo)
            isFirst = false
        }
        guard let meta else { return }
        var members = JSONMembers()
        var scanner = JSONScanner(limits: .alreadyValidated)
        // Expected: the bytes were validated with the message; a `_meta` that is no object has no members to keep.
        guard (try? scanner.scanObject(bytes, at: meta, into: &members)) != nil else { return }
        for member in members.members {
            if RequestRewrite.isOurs(member, bytes) { continue }
            if self.from != self.to && RequestRewrite.isKey(member, MetaKey.serverInfo, bytes) { continue }
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
        var scanner = JSONScanner(limits: .alreadyValidated)
        try? scanner.scanObject(bytes, at: error, into: &members)
        guard let codeRange = members.value("code", in: bytes), let code = JSONNumber.int64(bytes, codeRange) else {
            output.append(#"{"code":-32603,"message":"the worker sent an error without a code"}}"#)
            return -32603
        }
        let data = members.value("data", in: bytes)
        let translated = self.translated(code, hasURI: self.hasURI(data, bytes))
        if translated == code {
            RequestRewrite.copy(bytes, error, envelope.needsLineRewrite, to: &output)
            output.append(0x7D)
            return code
        }
        output.append(#"{"code":"#)
        output.append(decimal: translated)
        if let text = members.value("message", in: bytes) {
            output.append(#","message":"#)
            RequestRewrite.copy(bytes, text, envelope.needsLineRewrite, to: &output)
        }
        self.appendData(data, code, translated, bytes, envelope.needsLineRewrite, to: &output)
        output.append("}}")
        return translated
    }

    /// A modern client must not see the codes of older revisions (2026-07-28, error codes), whichever worker sent them. A legacy
    /// client knows a missing resource by a code of its own, a modern one by the uri in `data`.
    private func translated(_ code: Int64, hasURI: Bool) -> Int64 {
        switch self.to {
        case .modern:
            if code == ErrorCode.resourceNotFound.rawValue { return ErrorCode.invalidParams.rawValue }
            return ErrorCode(rawValue: code).mayBeSentToModernClient ? code : ErrorCode.internalError.rawValue
        case .legacy:
            // That it does not speak our revision is nothing that a client of another could help.
            if self.from == .modern, code == ErrorCode.unsupportedProtocolVersion.rawValue {
                return ErrorCode.internalError.rawValue
            }
            let isMissing = self.method == .resourcesRead && code == ErrorCode.invalidParams.rawValue && hasURI
            return self.from == .modern && isMissing ? ErrorCode.resourceNotFound.rawValue : code
        }
    }

    private func hasURI(_ data: ByteRange?, _ bytes: Span<UInt8>) -> Bool {
        guard let data, jsonKind(bytes, data) == .object else { return false }
        var members = JSONMembers()
        var scanner = JSONScanner(limits: .alreadyValidated)
        guard (try? scanner.scanObject(bytes, at: data, into: &members)) != nil else { return false }
        return members.value("uri", in: bytes) != nil
    }

    /// The `data` of an error whose code was replaced: the worker's own, the uri that a modern client expects of a missing
    /// resource, or the worker's code, so that nothing is lost.
    private func appendData(
        _ data: ByteRange?, _ code: Int64, _ translated: Int64, _ bytes: Span<UInt8>, _ rewrites: Bool, to output: inout [UInt8]
    ) {
        if translated == ErrorCode.internalError.rawValue {
            output.append(#","data":{"workerCode":"#)
            output.append(decimal: code)
            if let data {
                output.append(#","workerData":"#)
                RequestRewrite.copy(bytes, data, rewrites, to: &output)
            }
            return output.append(0x7D)
        }
        if self.to == .modern, !self.resource.isEmpty, !self.hasURI(data, bytes) {
            output.append(#","data":{"uri":"#)
            output.append(contentsOf: self.resource)
            return output.append(0x7D)
        }
        guard let data else { return }
        output.append(#","data":"#)
        RequestRewrite.copy(bytes, data, rewrites, to: &output)
    }

    // MARK: Input

    /// Whether a modern worker answered a legacy client with anything but a complete result. It was told that the client can do
    /// nothing, and no legacy client would understand the answer.
    func asksForInput(_ members: JSONMembers, _ bytes: Span<UInt8>) -> Bool {
        guard self.from == .modern, self.to == .legacy, let type = members.value("resultType", in: bytes) else { return false }
        return !JSONString.equals(bytes, type, "complete")
    }

    /// Appends `,"result":…}` or `,"error":…}` in place of such an answer.
    func appendInputRefusal(_ members: JSONMembers, _ bytes: Span<UInt8>, to output: inout [UInt8]) {
        let required = try? InputRequired(members, in: bytes)
        let why = "it cannot be asked for in this client's protocol revision or with its capabilities"
        self.appendInputRefusal(required ?? InputRequired(questions: [], requestState: nil), because: why, to: &output)
    }

    /// The same for questions that have been read.
    func appendInputRefusal(_ required: InputRequired, because why: String, to output: inout [UInt8]) {
        self.appendRefusal(required.standInText(because: why), to: &output)
    }

    /// What a modern worker asks of a client that it cannot ask: the text for a legacy client, which does not know error -32021.
    func lackingCapability(_ envelope: JSONRPCEnvelope, _ bytes: Span<UInt8>) -> String? {
        guard self.from == .modern, self.to == .legacy, envelope.kind == .error,
            Self.code(envelope, bytes) == ErrorCode.missingClientCapability.rawValue
        else { return nil }
        var scanner = JSONScanner(limits: .alreadyValidated)
        var members = JSONMembers()
        var names = ""
        if let error = envelope.error, (try? scanner.scanObject(bytes, at: error, into: &members)) != nil,
            let data = members.value("data", in: bytes), jsonKind(bytes, data) == .object,
            (try? scanner.scanObject(bytes, at: data, into: &members)) != nil
        {
            let required = members.value("requiredCapabilities", in: bytes)
            names = ClientCapabilities(bytes, required, declaredIn: .latestModern).names
        }
        let what = names.isEmpty ? "a capability" : "the capability \(names)"
        return "The server needs \(what), which this client has not declared."
    }

    /// The code of an error.
    static func code(_ envelope: JSONRPCEnvelope, _ bytes: Span<UInt8>) -> Int64? {
        var scanner = JSONScanner(limits: .alreadyValidated)
        var members = JSONMembers()
        guard let error = envelope.error, jsonKind(bytes, error) == .object,
            (try? scanner.scanObject(bytes, at: error, into: &members)) != nil
        else { return nil }
        return members.value("code", in: bytes).flatMap { JSONNumber.int64(bytes, $0) }
    }

    /// Appends `,"result":…}` for a tool, whose caller is a model that can read it, or `,"error":…}`.
    func appendRefusal(_ text: String, to output: inout [UInt8]) {
        if self.method == .toolsCall {
            output.append(#","result":{"content":[{"type":"text","text":"#)
            output.appendJSON(string: text)
            output.append(#"}],"isError":true}}"#)
        } else {
            output.append(#","error":{"code":-32603,"message":"#)
            output.appendJSON(string: text)
            output.append("}}")
        }
    }
}
