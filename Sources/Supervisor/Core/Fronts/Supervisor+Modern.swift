import Base
import MCP
import Wire

/// Streamable HTTP of revision 2026-07-28: every request stands alone and brings its own version and capabilities.
extension Supervisor {
    mutating func modernMessage(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, _ request: IncomingRequest,
        _ message: Span<UInt8>, at now: Instant
    ) {
        guard request.envelope.kind == .request else {
            // No client notification exists over HTTP in this revision (a request is cancelled by closing its response). Nothing
            // is compared, but a field that a proxy and we could read differently is no better here.
            guard self.connections[key].decoder.misread.isEmpty else {
                return self.refuse(key, Refusal(400, .headerMismatch, Self.misreadFields), at: now)
            }
            return self.accept(key, at: now)
        }
        if let refusal = request.metadata.envelopeRefusal(message) {
            return self.refuse(key, request, message, 400, refusal.code, refusal.reason.description, at: now)
        }
        guard let version = request.metadata.protocolVersion, let method = request.envelope.method else {
            preconditionFailure("a modern request without version or method")
        }
        let headers = StandardHeaders(
            version: head[.mcpProtocolVersion], method: head[.mcpMethod], name: head[.mcpName],
            misread: self.connections[key].decoder.misread)
        if let refusal = headers.versionRefusal(bytes, body: message, metaVersion: version) {
            return self.refuse(key, request, message, 400, refusal.code, refusal.reason.description, at: now)
        }
        guard self.namesModernRevision(key, request, message, at: now) else { return }
        let name = request.method.nameParameter.flatMap { request.params.value($0, in: message) }
        if let refusal = headers.routingRefusal(
            bytes, body: message, method: request.method, bodyMethod: method, bodyName: name)
        {
            return self.refuse(key, request, message, 400, refusal.code, refusal.reason.description, at: now)
        }
        let fields = request.method == .toolsCall ? ParameterFields(head, bytes) : nil
        self.modernMethod(key, server, request, message, fields, at: now)
    }

    /// Whether `_meta` names a revision that we serve. If not, the request is refused.
    mutating func namesModernRevision(
        _ key: ConnectionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) -> Bool {
        guard let version = request.metadata.protocolVersion,
            Revision(message.extracting(JSONString.contents(version).range))?.era != .modern
        else { return true }
        self.refuse(
            key, request, message, 400, .unsupportedProtocolVersion, "unsupported protocol version",
            data: Self.supportedVersions(requested: [UInt8](message, version)), at: now)
        return false
    }

    /// The `data` of error -32022.
    private static func supportedVersions(requested: [UInt8]) -> [UInt8] {
        var data = [UInt8](#"{"supported":"#)
        Self.appendModernRevisions(to: &data)
        data.append(#","requested":"#)
        data.append(contentsOf: requested)
        data.append(0x7D)
        return data
    }

    private static func appendModernRevisions(to output: inout [UInt8]) {
        output.append(0x5B)
        for (index, revision) in Revision.modern.enumerated() {
            if index > 0 { output.append(0x2C) }
            output.append(0x22)
            output.append(revision.text)
            output.append(0x22)
        }
        output.append(0x5D)
    }

    /// `fields` are those of HTTP; no other transport has any.
    mutating func modernMethod(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, _ fields: ParameterFields? = nil,
        at now: Instant
    ) {
        switch request.method {
        case .serverDiscover:
            self.admit(
                key, server, request, message, purpose: .discover, revision: .latestModern, session: nil, level: nil, at: now)
        case .subscriptionsListen:
            self.listen(key, server, request, message, at: now)
        case .toolsList, .toolsCall, .promptsList, .promptsGet, .resourcesList, .resourcesTemplatesList, .resourcesRead,
            .completionComplete:
            if self.isMissingCapability(server, request.method) {
                return self.refuse(
                    key, request, message, 404, .methodNotFound, "the server does not offer this method", at: now)
            }
            self.modernCall(key, server, request, message, fields, mayAsk: true, at: now)
        default:
            self.refuse(
                key, request, message, 404, .methodNotFound, "revision 2026-07-28 has no such method, or it is not offered here",
                at: now)
        }
    }

    mutating func modernCall(
        _ key: ConnectionKey, _ definition: Int, _ request: IncomingRequest, _ message: Span<UInt8>, _ fields: ParameterFields?,
        mayAsk: Bool, at now: Instant
    ) {
        let capabilities = ClientCapabilities(message, request.metadata.clientCapabilities, declaredIn: .latestModern)
        if let fields, !self.isDraining {
            let server = self.variant(of: definition, for: capabilities, at: now)
            // A call that comes back was checked when it first came; its worker may have ended meanwhile.
            let isNew = request.params.value("requestState", in: message) == nil
            guard self.parametersAgree(key, definition, server, request, message, fields, mayAsk: mayAsk && isNew, at: now)
            else { return }
        }
        let level = request.metadata.requestedLogLevel(message)
        guard request.method.mayRequireInput, !self.isDraining,
            request.params.value("inputResponses", in: message) != nil || request.params.value("requestState", in: message) != nil
        else {
            let server = self.variant(of: definition, for: capabilities, at: now)
            return self.admit(
                key, server, request, message, purpose: .forward, revision: .latestModern, session: nil,
                capabilities: capabilities, level: level, hasWaited: !mayAsk, at: now)
        }
        switch self.inputReturned(key, definition, request, message, capabilities, at: now) {
        case .attached: break
        case .busy: self.refuseBusySession(key, request, message, at: now)
        case .refused(let invalid):
            self.refuse(key, request, message, 200, invalid.code, invalid.text, at: now)
        case .fresh(let early):
            let server = self.variant(of: definition, for: capabilities, at: now)
            self.admit(
                key, server, request, message, purpose: .forward, revision: .latestModern, session: nil,
                capabilities: capabilities, level: level, early: early, at: now)
        case .forward(let state, let answers):
            self.forward(key, definition, request, message, state, answers, capabilities, level, at: now)
        }
    }

    /// A call that comes back to a modern worker: its own state is put in the place of ours.
    private mutating func forward(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, _ state: [UInt8]?,
        _ answers: [InputAnswers.Answer], _ capabilities: ClientCapabilities, _ level: LogLevel?, at now: Instant
    ) {
        guard let params = request.envelope.params, let id = request.envelope.id, let method = request.envelope.method else {
            preconditionFailure("a call without id, method or params")
        }
        var unwrapped = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        unwrapped.append(message, id)
        unwrapped.append(#","method":"#)
        unwrapped.append(message, method)
        unwrapped.append(#","params":"#)
        let keepsMeta: [UInt8] = []
        InputRequired.appendRetryParams(
            message, request.params, of: params, answers: answers, requestState: state, meta: keepsMeta.span, to: &unwrapped)
        unwrapped.append(0x7D)
        guard let envelope = try? self.scanner.scan(unwrapped.span), let read = self.read(envelope, unwrapped.span) else {
            return self.refuse(key, request, message, 200, .invalidParams, "the answers cannot be passed on", at: now)
        }
        self.admit(
            key, server, read, unwrapped.span, purpose: .forward, revision: .latestModern, session: nil,
            capabilities: capabilities, level: level, at: now)
    }

    /// Known only after the first handshake; until then the call is queued and the worker itself refuses.
    func isMissingCapability(_ server: Int, _ method: MCPMethod) -> Bool {
        guard let needed = CapabilityName.needed(for: method) else { return false }
        // 2024-11-05 has the method and no capability that would say so.
        if method == .completionComplete && self.servers[server].identity?.revision == .v2024_11_05 { return false }
        return self.servers[server].identity?.has(needed) == false
    }

    /// The result of `server/discover`, from the worker's handshake.
    func appendDiscoverResult(_ server: Int, to output: inout [UInt8]) {
        guard let identity = self.servers[server].identity else { preconditionFailure("discover before a handshake") }
        output.append(#"{"resultType":"complete","supportedVersions":"#)
        Self.appendModernRevisions(to: &output)
        output.append(#","capabilities":"#)
        identity.appendCapabilities(for: .latestModern, to: &output)
        if !identity.instructions.isEmpty {
            output.append(#","instructions":"#)
            output.append(contentsOf: identity.instructions)
        }
        output.append(AnswerRewrite.listTimeToLive)
        output.append(#","_meta":{"io.modelcontextprotocol/serverInfo":"#)
        output.append(contentsOf: identity.serverInfo)
        output.append("}}")
    }
}
