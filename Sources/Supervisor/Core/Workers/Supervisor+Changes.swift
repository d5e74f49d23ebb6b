import Base
import MCP
import Wire

/// What modern workers tell of changes (2026-07-28, subscriptions), see `ChangesListen`.
extension Supervisor {
    /// The worker is ready: listens, if there is anything to hear.
    mutating func beginListening(_ key: WorkerKey) {
        let server = self.workers[key].server
        guard self.servers[server].era == .modern else { return }
        self.workers[key].changes.begin(self.servers[server].identity?.changing ?? [])
        self.staleListens.append(key)
    }

    /// What one event wanted or did not want any more becomes one request.
    mutating func continueListens(at now: Instant) {
        guard !self.isDraining else { return self.staleListens.removeAll() }
        while let key = self.staleListens.popLast() {  // Bound: an answer below adds one only for something that was wanted anew.
            guard self.workers.contains(key), self.workers[key].state == .ready else { continue }
            switch self.workers[key].changes.next(at: now) {
            case .nothing: break
            case .ask(let filter): self.sendListen(key, filter)
            case .end(let number, let left):
                if let number { self.cancelListen(key, number) }
                self.answerSubscriptions(self.workers[key].server, left, error: nil, at: now)
            }
            self.armListen(key)
        }
    }

    private mutating func armListen(_ key: WorkerKey) {
        guard self.workers.contains(key), self.workers[key].state == .ready, let then = self.workers[key].changes.wakeAt else {
            return
        }
        self.workers[key].deadline = then
        self.timers.add(.worker(key), at: then)
    }

    private mutating func sendListen(_ key: WorkerKey, _ filter: ChangesListen.Filter) {
        var line = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        ChangesListen.appendID(filter.number, to: &line)
        line.append(#","method":"subscriptions/listen","params":{"notifications":{"#)
        var isFirst = true
        for (name, kind) in Self.changeNames where filter.lists.contains(kind) {
            RequestRewrite.separate(&isFirst, &line)
            line.append(0x22)
            line.append(name)
            line.append("\":true")
        }
        if !filter.resources.isEmpty {
            RequestRewrite.separate(&isFirst, &line)
            line.append(#""resourceSubscriptions":["#)
            var isFirstResource = true
            for resource in filter.resources where self.subscriptions.contains(resource) {
                RequestRewrite.separate(&isFirstResource, &line)
                line.appendJSON(string: self.subscriptions[resource].uri.span)
            }
            line.append(0x5D)
        }
        line.append(#"},"_meta":{"#)
        Handshake.appendModernMeta(to: &line)
        line.append("}}}\n")
        self.sendLine(line.span, to: key)
    }

    private static let changeNames: [(StaticString, ListKinds)] = [
        ("toolsListChanged", .tools), ("promptsListChanged", .prompts), ("resourcesListChanged", .resources),
    ]

    private mutating func cancelListen(_ key: WorkerKey, _ number: UInt64) {
        var line = [UInt8](#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#)
        ChangesListen.appendID(number, to: &line)
        line.append("}}\n")
        self.sendLine(line.span, to: key)
    }

    /// A timer of a worker that serves.
    mutating func changesListenDue(_ key: WorkerKey, at now: Instant) {
        if let number = self.workers[key].changes.overdue(at: now) {
            self.cancelListen(key, number)
            self.listenEnded(key, number, at: now)
        }
        self.staleListens.append(key)
    }

    /// `notifications/subscriptions/acknowledged`.
    mutating func listenAcknowledged(_ key: WorkerKey, _ line: Span<UInt8>, at now: Instant) {
        let members = self.workerScanner.members
        guard let id = self.subscription(members, line), let number = self.workers[key].changes.number(line.extracting(id.range)),
            let news = self.workers[key].changes.acknowledged(number, at: now)
        else { return }
        self.staleListens.append(key)
        if let old = news.old { self.cancelListen(key, old) }
        let server = self.workers[key].server
        let honoured = Self.honoured(members, line)
        var subscribed: [SubscriptionKey] = []
        var refused: [SubscriptionKey] = []
        for resource in news.subscribed where self.subscriptions.contains(resource) {
            if honoured.contains(self.subscriptions[resource].uri) {
                subscribed.append(resource)
            } else {
                refused.append(resource)
                self.workers[key].changes.refused(resource)
            }
        }
        if news.hasMissed {
            // Between two subscriptions nobody listened.
            if let kinds = self.servers[server].identity?.changing { self.servers[server].changedLists.formUnion(kinds) }
            for resource in news.kept where self.subscriptions.contains(resource) {
                self.resourceMayHaveChanged(resource, at: now)
            }
        }
        self.answerSubscriptions(server, subscribed + news.left, error: nil, at: now)
        self.answerSubscriptions(server, refused, error: Self.notSubscribable, at: now)
    }

    private static let notSubscribable = [UInt8](
        #"{"code":-32602,"message":"the server does not tell changes of this resource"}"#)
    private static let listenRefused = [UInt8](#"{"code":-32603,"message":"the server refused to tell changes"}"#)

    /// The resources of an acknowledgement.
    private static func honoured(_ params: JSONMembers, _ line: Span<UInt8>) -> Set<[UInt8]> {
        var scanner = JSONScanner(limits: .alreadyValidated)
        var members = JSONMembers()
        var elements: [ByteRange] = []
        guard let range = params.value("notifications", in: line), jsonKind(line, range) == .object,
            (try? scanner.scanObject(line, at: range, into: &members)) != nil,
            let list = members.value("resourceSubscriptions", in: line), jsonKind(line, list) == .array,
            (try? scanner.scanArray(line, at: list, elementsMax: Self.honouredMax, into: &elements)) != nil
        else { return [] }
        return Set(elements.compactMap { Self.subscribableURI(line, $0) })
    }

    /// More than clients can ever want, see `limits.subscriptionsPerServer`.
    private static let honouredMax = 100_000

    /// Whether the result, error or cancellation under `id` is the end of one of our subscriptions.
    mutating func listenEnded(_ key: WorkerKey, id: ByteRange?, _ line: Span<UInt8>, at now: Instant) -> Bool {
        guard let id, let number = self.workers[key].changes.number(line.extracting(id.range)) else { return false }
        self.listenEnded(key, number, at: now)
        return true
    }

    /// It is renewed after a while.
    private mutating func listenEnded(_ key: WorkerKey, _ number: UInt64, at now: Instant) {
        // Expected: told twice, by a notification and by the result; or it answers our cancellation.
        guard let end = self.workers[key].changes.ended(number, at: now) else { return }
        self.staleListens.append(key)
        let server = self.workers[key].server
        if end.isGivenUp {
            self.log(
                .warning, "a server announces changes, but refuses to tell them", [.text("server", self.servers[server].name)])
        }
        self.answerSubscriptions(server, end.left, error: nil, at: now)
        self.answerSubscriptions(server, end.refused, error: Self.listenRefused, at: now)
    }

    private mutating func answerSubscriptions(
        _ server: Int, _ resources: [SubscriptionKey], error: [UInt8]?, at now: Instant
    ) {
        for resource in resources { self.subscriptionAnswered(server, resource, error: error, at: now) }
    }

    private mutating func subscription(_ members: JSONMembers, _ line: Span<UInt8>) -> ByteRange? {
        guard let meta = members.value("_meta", in: line), jsonKind(line, meta) == .object,
            (try? self.metaScanner.scanObject(line, at: meta, into: &self.metaMembers)) != nil
        else { return nil }
        return self.metaMembers.value("io.modelcontextprotocol/subscriptionId", in: line)
    }
}
