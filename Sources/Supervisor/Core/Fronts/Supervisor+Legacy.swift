import Base
import MCP
import Wire

/// Streamable HTTP of revisions 2025-03-26 to 2025-11-25: an `initialize` begins a session that all later requests name.
extension Supervisor {
    mutating func legacyMessage(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, _ request: IncomingRequest,
        _ message: Span<UInt8>, at now: Instant
    ) {
        if request.method == .initialize && request.envelope.kind == .request {
            if let refusal = self.staleSession(key, server, head, bytes) {
                return self.refuse(key, request, message, refusal.status, refusal.code, refusal.message, at: now)
            }
            return self.initialize(key, server, request, message, at: now)
        }
        let session: SessionKey
        switch self.findSession(key, server, head, bytes, at: now) {
        case .found(let found): session = found
        case .refused(var refusal):
            refusal.id = self.idLexeme(request.envelope, message)
            return self.refuse(key, refusal, at: now)
        }
        switch request.envelope.kind {
        case .notification:
            self.sessionNotified(session, request, message, at: now)
            self.accept(key, at: now)
        case .result, .error:
            self.accept(key, at: now)
            self.clientAnswered(session, request, message, at: now)
        case .request:
            self.legacyRequest(key, server, session, request, message, at: now)
        }
    }

    /// Of a session's notifications only these say something to anybody but us.
    mutating func sessionNotified(_ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant) {
        switch request.method {
        case .notificationsCancelled: self.cancel(session, request, message, at: now)
        case .notificationsProgress: self.clientProgressed(session, request, message)
        default: break
        }
    }

    mutating func legacyRequest(
        _ key: ConnectionKey, _ server: Int, _ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>,
        at now: Instant
    ) {
        guard let id = request.envelope.id else { preconditionFailure("a request without an id") }
        let server = self.sessions[session].variant
        let lexeme = JSONLexeme(message, id)
        if self.sessions[session].calls.contains(where: { self.calls.find($0)?.clientID == lexeme }) {
            return self.refuse(
                key, request, message, 400, .invalidRequest, "a request with this id is still running in this session", at: now)
        }
        if let refusal = request.metadata.progressTokenRefusal(message) {
            return self.refuse(key, request, message, 200, refusal.code, refusal.reason.description, at: now)
        }
        let revision = self.sessions[session].revision
        switch request.method {
        case .ping: self.respondResult(key, lexeme, "{}", at: now)
        case .resourcesSubscribe: self.subscribe(key, session, request, message, at: now)
        case .resourcesUnsubscribe: self.unsubscribe(key, session, request, message, at: now)
        case .loggingSetLevel: self.setLogLevel(key, server, session, request, message, at: now)
        case .toolsList, .toolsCall, .promptsList, .promptsGet, .resourcesList, .resourcesTemplatesList, .resourcesRead,
            .completionComplete:
            if self.isMissingCapability(server, request.method) {
                return self.refuse(key, request, message, 200, .methodNotFound, "the server does not offer this method", at: now)
            }
            self.admit(
                key, server, request, message, purpose: .forward, revision: revision, session: session,
                capabilities: self.sessions[session].capabilities, level: self.sessions[session].logLevel, at: now)
        default:
            self.refuse(key, request, message, 200, .methodNotFound, "no such method, or it is not offered here", at: now)
        }
    }

    /// An `initialize` that names a session: it cannot be begun again, and one that is gone must be told as such.
    private func staleSession(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>
    ) -> Refusal? {
        guard let field = head[.mcpSessionID] else { return nil }
        let known = SessionID(bytes.extracting(field.range)).flatMap {
            self.sessions.find($0, principal: self.connections[key].exchange.principal, server: server)
        }
        return known == nil
            ? Refusal(404, .sessionNotFound, "no such session")
            : Refusal(400, .invalidRequest, "this session is already initialized")
    }

    mutating func initialize(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        guard let version = request.params.value("protocolVersion", in: message), jsonKind(message, version) == .string else {
            return self.refuse(key, request, message, 200, .invalidParams, "params.protocolVersion must be a string", at: now)
        }
        let asked = Revision(message.extracting(JSONString.contents(version).range))
        let revision = Revision.negotiated(asked: asked)
        let capabilities = ClientCapabilities(
            message, request.params.value("capabilities", in: message), declaredIn: revision)
        // Who answers is the one that was told what this client can do: it may offer more.
        self.admit(
            key, self.variant(of: server, for: capabilities, at: now), request, message,
            purpose: .initialize(InitializeRequest(revision: revision, capabilities: capabilities)), revision: revision,
            session: nil, level: nil, at: now)
    }

    /// The worker's handshake is known: makes the session and answers `initialize`. The session exists only from here on, so a
    /// client that gave up while the worker started leaves none behind.
    mutating func beginSession(_ call: Call, _ asked: InitializeRequest, _ connection: ConnectionKey, at now: Instant) {
        let id = self.unguessable.next()
        var session = Session(
            id: id, kind: .streamable, server: self.servers[call.server].definition, variant: call.server,
            principal: self.connections[connection].exchange.principal, revision: asked.revision,
            capabilities: asked.capabilities, createdAt: now, lastSeen: now)
        if case .duplex(let duplex) = self.connections[connection].phase {
            session.kind = self.duplexes[duplex].kind
            session.stream = connection
        }
        guard let key = self.sessions.insert(session) else {
            var refusal = Refusal(503, .internalError, "too many sessions; try again later")
            refusal.headers = Self.retryAfter(.seconds(30))
            call.clientID.append(to: &refusal.id)
            return self.refuse(connection, refusal, at: now)
        }
        if case .duplex(let duplex) = self.connections[connection].phase { self.duplexes[duplex].session = key }
        let limits = self.configuration.limits
        self.armSession(key, at: now + Swift.min(limits.sessionIdle, limits.sessionAge))
        var text: [UInt8] = []
        id.append(to: &text)
        var headers = HTTPFields()
        headers.append("MCP-Session-Id", text.span)
        self.answerInitialize(call, asked, connection, headers, at: now)
    }

    mutating func answerInitialize(
        _ call: Call, _ asked: InitializeRequest, _ connection: ConnectionKey, _ headers: HTTPFields = HTTPFields(),
        at now: Instant
    ) {
        guard let identity = self.servers[call.server].identity else { preconditionFailure("initialize before a handshake") }
        var body = self.takeScratch()
        AnswerRewrite.begin(call.clientID, to: &body)
        body.append(#","result":{"protocolVersion":""#)
        body.append(asked.revision.text)
        body.append(#"","capabilities":"#)
        identity.appendCapabilities(for: asked.revision, to: &body)
        body.append(#","serverInfo":"#)
        body.append(contentsOf: identity.serverInfo)
        if !identity.instructions.isEmpty {
            body.append(#","instructions":"#)
            body.append(contentsOf: identity.instructions)
        }
        body.append("}}")
        self.respond(
            connection, 200, "application/json", headers: self.withCORS(connection, headers), body: body.span, at: now)
        self.scratch = body
    }

    private mutating func setLogLevel(
        _ key: ConnectionKey, _ server: Int, _ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>,
        at now: Instant
    ) {
        guard let id = request.envelope.id else { return }
        if self.isMissingCapability(server, .loggingSetLevel) {
            return self.refuse(key, request, message, 200, .methodNotFound, "the server does not log to clients", at: now)
        }
        guard let range = request.params.value("level", in: message), jsonKind(message, range) == .string,
            let level = LogLevel(message.extracting(JSONString.contents(range).range))
        else {
            return self.refuse(key, request, message, 200, .invalidParams, "params.level is not a log level", at: now)
        }
        self.sessions[session].logLevel = level
        self.updateWorkerLogLevel(server)
        self.respondResult(key, JSONLexeme(message, id), "{}", at: now)
    }

    mutating func respondResult(_ key: ConnectionKey, _ id: JSONLexeme, _ result: StaticString, at now: Instant) {
        var body = self.takeScratch()
        AnswerRewrite.begin(id, to: &body)
        body.append(#","result":"#)
        body.append(result)
        body.append(0x7D)
        self.respond(key, 200, "application/json", headers: self.withCORS(key), body: body.span, at: now)
        self.scratch = body
    }
}
