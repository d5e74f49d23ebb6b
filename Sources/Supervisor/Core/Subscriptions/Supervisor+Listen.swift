import Base
import MCP
import Wire

/// `subscriptions/listen` of modern clients: a stream of changes, acknowledged by its first message, which says what of the request
/// is honoured. Resources are waited for until a worker has agreed, at most as long as a worker may take to start.
extension Supervisor {
    /// A `subscriptions/listen` that is not acknowledged, because workers have been asked for some of its resources.
    struct PendingListen {
        var listen: Listen
        /// Nil once the stream has taken over what is honoured.
        var subscriber: Subscriber?
        var waiting: [SubscriptionKey]
        var honoured: [SubscriptionKey] = []
    }

    mutating func listen(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        guard !self.isDraining else { return self.refuseDraining(key, request, message, at: now) }
        var members = JSONMembers()
        guard let range = request.params.value("notifications", in: message), jsonKind(message, range) == .object,
            (try? self.metaScanner.scanObject(message, at: range, into: &members)) != nil
        else {
            return self.refuse(key, request, message, 200, .invalidParams, "params.notifications must be an object", at: now)
        }
        guard let uris = self.wantedResources(members, message) else {
            return self.refuse(
                key, request, message, 200, .invalidParams,
                "params.notifications.resourceSubscriptions must be a list of resource uris", at: now)
        }
        if case .duplex(let duplex) = self.connections[key].phase {
            let pending = self.duplexes[duplex].calls.count { self.pendingListens[$0] != nil }
            guard self.duplexes[duplex].listens.count + pending < self.configuration.limits.streamsPerSession else {
                return self.refuse(key, request, message, 429, .internalError, "too many subscriptions are open", at: now)
            }
        }
        var wanted: ListKinds = []
        for (name, kind, capability) in Self.listenNames {
            guard let value = members.value(name, in: message), message.extracting(value.range).equals("true") else { continue }
            if self.servers[server].identity?.has(capability) ?? true { wanted.insert(kind) }
        }
        self.listenCount += 1
        let listen = Listen(
            server: server, id: self.idLexeme(request.envelope, message), wanted: wanted, number: self.listenCount)
        let resources = self.subscribable(uris, server)
        guard !resources.isEmpty else { return self.openListen(key, listen, at: now) }
        guard let call = self.hold(key, server, request, message, .listen, nil, at: now) else {
            for resource in resources { self.subscriptions.removeIfOver(resource) }
            return
        }
        let subscriber = Subscriber.listen(key, number: listen.number)
        self.pendingListens[call] = PendingListen(listen: listen, subscriber: subscriber, waiting: resources)
        for resource in resources where self.pendingListens[call] != nil {
            self.join(resource, .init(call: call, subscriber: subscriber), at: now)
        }
    }

    /// The uris, each once. Nil when it is no list of them.
    private func wantedResources(_ members: JSONMembers, _ message: Span<UInt8>) -> [[UInt8]]? {
        guard let list = members.value("resourceSubscriptions", in: message) else { return [] }
        var elements: [ByteRange] = []
        var scanner = JSONScanner(limits: self.configuration.limits.clientJSON.limits)
        guard jsonKind(message, list) == .array,
            (try? scanner.scanArray(message, at: list, elementsMax: Self.listenURIsMax, into: &elements)) != nil
        else { return nil }
        var uris: [[UInt8]] = []
        var seen = Set<[UInt8]>()
        for element in elements {
            guard let uri = Self.subscribableURI(message, element) else { return nil }
            if seen.insert(uri).inserted { uris.append(uri) }
        }
        return uris
    }

    /// Elements of `resourceSubscriptions` that are looked at; more is refused.
    private static let listenURIsMax = 10_000

    /// What the server and the limits allow of them.
    private mutating func subscribable(_ uris: [[UInt8]], _ server: Int) -> [SubscriptionKey] {
        guard self.servers[server].identity?.hasSubscriptions ?? true, !self.servers[server].restart.refusesCalls else {
            return []
        }
        self.subscriptions.makeRoom(self.servers[server].definition, for: uris.count)
        return uris.prefix(self.configuration.limits.subscriptionsPerSession).compactMap { self.subscriptions.make(server, $0) }
    }

    /// One of the resources is subscribed to, or will not be.
    mutating func listenSettled(_ call: CallKey, _ key: SubscriptionKey, isHonoured: Bool, at now: Instant) {
        guard var pending = self.pendingListens[call] else { return }
        pending.waiting.removeAll { $0 == key }
        if isHonoured { pending.honoured.append(key) }
        self.pendingListens[call] = pending
        if pending.waiting.isEmpty { self.acknowledge(call, at: now) }
    }

    /// All is settled, or has been waited for long enough: what is not honoured by now is left out.
    mutating func acknowledge(_ call: CallKey, at now: Instant) {
        guard var pending = self.pendingListens[call], let connection = self.calls[call].connection,
            self.connections.contains(connection)
        else {
            self.forget(call)
            return
        }
        guard !self.isDraining else {
            return self.fail(call, "the supervisor is shutting down", status: 503, at: now)
        }
        pending.subscriber = nil
        self.pendingListens[call] = pending
        self.forget(call)
        pending.listen.resources = pending.honoured
        self.openListen(connection, pending.listen, at: now)
    }

    /// Opens the stream and says what it carries.
    private mutating func openListen(_ key: ConnectionKey, _ listen: Listen, at now: Instant) {
        if case .duplex(let duplex) = self.connections[key].phase {
            self.duplexes[duplex].listens.append(listen)
        } else {
            self.connections[key].listen = listen
            self.openStream(key, .listen, at: now)
        }
        var acknowledgement = [UInt8](
            #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"#)
        var isFirst = true
        for (name, kind, _) in Self.listenNames where listen.wanted.contains(kind) {
            RequestRewrite.separate(&isFirst, &acknowledgement)
            acknowledgement.append(0x22)
            acknowledgement.append(name)
            acknowledgement.append("\":true")
        }
        if !listen.resources.isEmpty {
            RequestRewrite.separate(&isFirst, &acknowledgement)
            acknowledgement.append(#""resourceSubscriptions":["#)
            for (index, resource) in listen.resources.enumerated() {
                if index > 0 { acknowledgement.append(0x2C) }
                acknowledgement.appendJSON(string: self.subscriptions[resource].uri.span)
            }
            acknowledgement.append(0x5D)
        }
        acknowledgement.append("},")
        Self.appendSubscriptionMeta(listen.id, to: &acknowledgement)
        acknowledgement.append("}}")
        self.send(key, acknowledgement.span, at: now)
    }

    private static let listenNames: [(StaticString, ListKinds, CapabilityName)] = [
        ("toolsListChanged", .tools, .tools), ("promptsListChanged", .prompts, .prompts),
        ("resourcesListChanged", .resources, .resources),
    ]

    static func appendSubscriptionMeta(_ id: [UInt8], to output: inout [UInt8]) {
        output.append(#""_meta":{"io.modelcontextprotocol/subscriptionId":"#)
        output.append(contentsOf: id)
        output.append(0x7D)
    }

    /// The stream has ended.
    mutating func release(_ listen: Listen, _ connection: ConnectionKey, at now: Instant) {
        guard !listen.resources.isEmpty else { return }
        self.leave(listen.resources, .listen(connection, number: listen.number), at: now)
    }
}
