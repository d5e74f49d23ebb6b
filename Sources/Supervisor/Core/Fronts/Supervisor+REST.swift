import Base
import MCP
import Wire

/// Plain HTTP: a request becomes the JSON-RPC message that it stands for and goes the way of every other call; its answer comes back
/// without the envelope, see `RESTAnswer`. There is no session, so a server can ask nothing back, and a client that goes away has
/// cancelled what it waited for.
extension Supervisor {
    mutating func restRequest(
        _ key: ConnectionKey, _ server: Int, _ endpoint: RESTEndpoint, _ head: HTTPRequestHead, _ body: HTTPRequestDecoder.Body,
        _ bytes: Span<UInt8>, at now: Instant
    ) {
        switch endpoint {
        case .subscribe: return self.openChangeStream(key, server, at: now)
        case .progress: return self.openOperationStream(key, server, bytes.extracting(head.path.range), at: now)
        default: break
        }
        switch body {
        case .none:
            let nothing: [UInt8] = []
            self.restMessage(key, server, endpoint, head, bytes, nothing.span, at: now)
        case .inline(let range): self.restMessage(key, server, endpoint, head, bytes, bytes.extracting(range.range), at: now)
        case .chunked:
            let chunks = self.connections[key].decoder.chunkedBody
            self.restMessage(key, server, endpoint, head, bytes, chunks.span, at: now)
        }
    }

    private mutating func restMessage(
        _ key: ConnectionKey, _ server: Int, _ endpoint: RESTEndpoint, _ head: HTTPRequestHead, _ bytes: Span<UInt8>,
        _ content: Span<UInt8>, at now: Instant
    ) {
        guard let method = endpoint.method else { return self.restForward(key, server, endpoint, content, at: now) }
        if let name = head[.xOperationID] {
            guard self.beginOperation(key, server, bytes.extracting(name.range)) else {
                return self.refuse(
                    key, Refusal(400, .invalidRequest, "X-Operation-Id must be 1 to 128 of A-Z a-z 0-9 - . _ ~"), at: now)
            }
        }
        var message = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        message.append(RESTAnswer.id)
        message.append(#","method":""#)
        message.append(method.text)
        message.append(#"","params":"#)
        if endpoint == .tools {
            Self.appendCursor(head.query, bytes, to: &message)
        } else if let refusal = self.appendParameters(key, endpoint, content, to: &message) {
            return self.refuse(key, refusal, at: now)
        }
        message.append(0x7D)
        self.restForward(key, server, endpoint, message.span, at: now)
    }

    /// The content as `params`: an object, or nothing. The token of an operation is put into its `_meta`.
    private mutating func appendParameters(
        _ key: ConnectionKey, _ endpoint: RESTEndpoint, _ content: Span<UInt8>, to message: inout [UInt8]
    ) -> Refusal? {
        var members = JSONMembers()
        if content.count > 0 {
            var scanner = JSONScanner(limits: self.configuration.limits.clientJSON.limits)
            do throws(JSONError) {
                let whole = try scanner.scanText(content)
                guard jsonKind(content, whole) == .object else {
                    return Refusal(400, .invalidRequest, "the body must be a JSON object: the parameters of the method")
                }
                try scanner.scanObject(content, at: whole, into: &members)
            } catch {
                return self.refusal(for: .parse(error), content)
            }
        }
        var isFirst = true
        message.append(0x7B)
        for member in members.members where !RequestRewrite.isKey(member, "_meta", content) {
            RequestRewrite.separate(&isFirst, &message)
            RequestRewrite.copy(member, content, false, to: &message)
        }
        if endpoint == .initialize, members.value("protocolVersion", in: content) == nil {
            RequestRewrite.separate(&isFirst, &message)
            message.append(#""protocolVersion":""#)
            message.append(Revision.latestLegacy.text)
            message.append(0x22)
        }
        let meta = members.value("_meta", in: content)
        if meta != nil || self.connections[key].operation != nil {
            RequestRewrite.separate(&isFirst, &message)
            if let refusal = self.appendMeta(key, meta, content, to: &message) { return refusal }
        }
        message.append(0x7D)
        return nil
    }

    private func appendMeta(
        _ key: ConnectionKey, _ meta: ByteRange?, _ content: Span<UInt8>, to message: inout [UInt8]
    ) -> Refusal? {
        var members = JSONMembers()
        if let meta {
            var scanner = JSONScanner(limits: self.configuration.limits.clientJSON.limits)
            guard (try? scanner.scanObject(content, at: meta, into: &members)) != nil else {
                return Refusal(400, .invalidParams, "_meta is not an object")
            }
        }
        var isFirst = true
        message.append(#""_meta":{"#)
        // Only an operation has somewhere to go for its progress.
        for member in members.members where !RequestRewrite.isKey(member, "progressToken", content) {
            RequestRewrite.separate(&isFirst, &message)
            RequestRewrite.copy(member, content, false, to: &message)
        }
        if let operation = self.connections[key].operation {
            RequestRewrite.separate(&isFirst, &message)
            message.append(#""progressToken":""#)
            message.append(contentsOf: operation.name)
            message.append(0x22)
        }
        message.append(0x7D)
        return nil
    }

    /// `{}`, or with the `cursor` of the query, whose escapes are undone (RFC 3986 2.1; `+` is a plus).
    private static func appendCursor(_ query: ByteRange?, _ bytes: Span<UInt8>, to message: inout [UInt8]) {
        message.append(0x7B)
        if let query, let range = Self.parameter("cursor=", bytes, query) {
            var cursor: [UInt8] = []
            var index = range.lowerBound
            while index < range.upperBound {  // Bound: the length of the query.
                if bytes[index] == 0x25, index + 2 < range.upperBound, let high = ASCII.hexValue(bytes[index + 1]),
                    let low = ASCII.hexValue(bytes[index + 2])
                {
                    cursor.append(high << 4 | low)
                    index += 3
                } else {
                    cursor.append(bytes[index])
                    index += 1
                }
            }
            message.append(#""cursor":"#)
            message.appendJSON(string: cursor.span)
        }
        message.append(0x7D)
    }

    /// One message without a session, whose answer is the response.
    private mutating func restForward(
        _ key: ConnectionKey, _ server: Int, _ endpoint: RESTEndpoint, _ message: Span<UInt8>, at now: Instant
    ) {
        let envelope: JSONRPCEnvelope
        do {
            envelope = try self.scanner.scan(message)
        } catch {
            return self.refuse(key, self.refusal(for: error, message), at: now)
        }
        guard envelope.kind == .request else { return self.accept(key, at: now) }
        guard let request = self.read(envelope, message) else {
            return self.refuse(key, Refusal(400, .invalidParams, "params._meta is not an object"), at: now)
        }
        if request.metadata.claimsModern {
            guard endpoint == .message, request.method != .subscriptionsListen else {
                return self.refuse(
                    key, request, message, 400, .invalidRequest, "revision 2026-07-28 is served at /mcp, and by /mcp/v1/jsonrpc",
                    at: now)
            }
            if let refusal = request.metadata.envelopeRefusal(message) {
                return self.refuse(key, request, message, 400, refusal.code, refusal.reason.description, at: now)
            }
            guard self.namesModernRevision(key, request, message, at: now) else { return }
            return self.modernMethod(key, server, request, message, at: now)
        }
        if let refusal = request.metadata.progressTokenRefusal(message) {
            return self.refuse(key, request, message, 400, refusal.code, refusal.reason.description, at: now)
        }
        switch request.method {
        case .ping:
            if let id = request.envelope.id { self.respondResult(key, JSONLexeme(message, id), "{}", at: now) }
        case .initialize: self.initialize(key, server, request, message, at: now)
        case .toolsList, .toolsCall, .promptsList, .promptsGet, .resourcesList, .resourcesTemplatesList, .resourcesRead,
            .completionComplete:
            if self.isMissingCapability(server, request.method) {
                return self.refuse(key, request, message, 404, .methodNotFound, "the server does not offer this method", at: now)
            }
            self.admit(
                key, server, request, message, purpose: .forward, revision: .latestLegacy, session: nil, level: nil, at: now)
        default:
            self.refuse(key, request, message, 404, .methodNotFound, "no such method, or it needs a session", at: now)
        }
    }

    // MARK: Streams

    /// Changes of the server's lists, each as the notification that a session would get.
    private mutating func openChangeStream(_ key: ConnectionKey, _ server: Int, at now: Instant) {
        guard !self.isDraining else { return self.refuseStream(key, at: now) }
        self.listenCount += 1
        self.connections[key].listen = Listen(
            server: server, id: [], wanted: [.tools, .prompts, .resources], number: self.listenCount)
        self.openStream(key, .listen, at: now)
    }

    /// Names the work of the request in progress.
    private mutating func beginOperation(_ key: ConnectionKey, _ server: Int, _ name: Span<UInt8>) -> Bool {
        guard Operation.isName(name) else { return false }
        let principal = self.connections[key].exchange.principal
        self.connections[key].operation = Operation(server: server, principal: principal, name: [UInt8](name))
        return true
    }

    /// The progress of an operation, from now until its call has its answer. The call may come later. The newest stream of an operation
    /// replaces an older one.
    private mutating func openOperationStream(_ key: ConnectionKey, _ server: Int, _ path: Span<UInt8>, at now: Instant) {
        guard !self.isDraining else { return self.refuseStream(key, at: now) }
        var start = path.count
        while start > 0, path[start - 1] != 0x2F { start -= 1 }  // Bound: the length of the path.
        let prefix = RESTEndpoint.progress.path
        let isDirect =
            start >= prefix.utf8CodeUnitCount && path.extracting(start - prefix.utf8CodeUnitCount..<start).equals(prefix)
        guard isDirect, self.beginOperation(key, server, path.extracting(start..<path.count)),
            let operation = self.connections[key].operation
        else {
            return self.refuse(key, Refusal(404, .invalidRequest, "no operation can have this name"), at: now)
        }
        if let old = self.operations[operation] { self.endStream(old, at: now) }
        self.operations[operation] = key
        self.openStream(key, .operation, at: now)
    }

    /// Whoever follows the operation is told.
    mutating func tellOperation(_ connection: ConnectionKey, _ event: Span<UInt8>, at now: Instant) {
        guard let operation = self.connections[connection].operation, let stream = self.operations[operation] else { return }
        self.sendEvent(stream, event, at: now)
    }

    /// The request or the stream of this connection has ended.
    mutating func operationEnded(_ operation: Operation, of key: ConnectionKey, at now: Instant) {
        guard let stream = self.operations[operation] else { return }
        self.operations[operation] = nil
        // The call has ended, and with it what could be told.
        if stream != key, self.connections.contains(stream) { self.endStream(stream, at: now) }
    }
}
