import Base
import MCP
import Wire

/// `resources/subscribe` and `resources/unsubscribe` of legacy sessions, and what workers are told because of them and of modern
/// subscriptions.
extension Supervisor {
    // MARK: Requests

    mutating func subscribe(
        _ key: ConnectionKey, _ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        guard !self.isDraining else { return self.refuseDraining(key, request, message, at: now) }
        guard let id = request.envelope.id else { preconditionFailure("a request without an id") }
        let server = self.sessions[session].variant
        let definition = self.sessions[session].server
        guard let uri = self.subscribableURI(key, server, request, message, at: now) else { return }
        self.subscriptions.makeRoom(definition, for: 1)
        let known = self.subscriptions.find(definition, uri)
        if let known, self.sessions[session].subscriptions.contains(known) {
            return self.respondResult(key, JSONLexeme(message, id), "{}", at: now)
        }
        if self.servers[server].restart.refusesCalls {
            let wait = self.servers[server].restart.retryAfter(at: now) ?? .seconds(1)
            return self.refuseUnavailable(
                key, request, message, self.servers[server].whyRefused, retryAfter: wait, at: now)
        }
        guard self.sessions[session].subscriptions.count < self.configuration.limits.subscriptionsPerSession,
            let subscription = self.subscriptions.make(definition, uri)
        else {
            return self.refuse(
                key, request, message, 429, .serverError, "too many resources are subscribed to; unsubscribe some first", at: now)
        }
        let purpose = Call.Purpose.subscribe(subscription)
        guard let call = self.hold(key, server, request, message, purpose, session, at: now) else {
            return self.subscriptions.removeIfOver(subscription)
        }
        self.join(subscription, .init(call: call, subscriber: .session(session)), at: now)
    }

    /// What was never subscribed to is not subscribed to afterwards either.
    mutating func unsubscribe(
        _ key: ConnectionKey, _ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        guard let id = request.envelope.id else { preconditionFailure("a request without an id") }
        let server = self.sessions[session].variant
        guard let uri = self.subscribableURI(key, server, request, message, at: now) else { return }
        if let subscription = self.subscriptions.find(self.sessions[session].server, uri),
            let index = self.sessions[session].subscriptions.firstIndex(of: subscription)
        {
            self.sessions[session].subscriptions.remove(at: index)
            self.leave([subscription], .session(session), at: now)
        }
        self.respondResult(key, JSONLexeme(message, id), "{}", at: now)
    }

    /// Nil when the request has been refused.
    private mutating func subscribableURI(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) -> [UInt8]? {
        guard self.servers[server].identity?.hasSubscriptions ?? true else {
            self.refuse(key, request, message, 200, .methodNotFound, "the server offers no subscriptions", at: now)
            return nil
        }
        guard let range = request.params.value("uri", in: message), let uri = Self.subscribableURI(message, range) else {
            self.refuse(
                key, request, message, 200, .invalidParams,
                "params.uri must be a string of 1 to \(SubscriptionTable.uriBytesMax) bytes", at: now)
            return nil
        }
        return uri
    }

    static func subscribableURI(_ message: Span<UInt8>, _ range: ByteRange) -> [UInt8]? {
        guard jsonKind(message, range) == .string, range.count <= 6 * SubscriptionTable.uriBytesMax else { return nil }
        let uri = JSONString.unescape(message, range)
        return (1...SubscriptionTable.uriBytesMax).contains(uri.count) ? uri : nil
    }

    /// A request that waits for workers without being at one. Nil when it has been refused.
    mutating func hold(
        _ key: ConnectionKey, _ server: Int, _ request: IncomingRequest, _ message: Span<UInt8>, _ purpose: Call.Purpose,
        _ session: SessionKey?, at now: Instant
    ) -> CallKey? {
        guard let id = request.envelope.id else { preconditionFailure("a request without an id") }
        guard !self.hasAllItsCalls(key, session) else {
            self.refuseBusySession(key, request, message, at: now)
            return nil
        }
        let settings = self.servers[server].configuration.workers
        let deadline = now + Swift.min(settings.callTimeout, settings.startTimeout)
        var call = Call(
            server: server, purpose: purpose, method: request.method,
            revision: session.map { self.sessions[$0].revision } ?? .latestModern, clientID: JSONLexeme(message, id),
            progressToken: nil, session: session, connection: key, capabilities: [], logLevel: nil, resource: [], arrivedAt: now,
            deadline: deadline, lastDeadline: deadline)
        call.state = .suspended
        guard let callKey = self.calls.insert(call) else {
            self.refuseUnavailable(key, request, message, "too many calls are running", retryAfter: .seconds(1), at: now)
            return nil
        }
        if let session { self.sessions[session].calls.append(callKey) }
        self.occupy(key, callKey, at: now)
        return callKey
    }

    // MARK: Subscribers

    mutating func join(_ key: SubscriptionKey, _ waiter: Subscription.Waiter, at now: Instant) {
        var actions: [Subscription.Action] = []
        let live = self.readyVariants(of: self.subscriptions[key].definition)
        self.subscriptions[key].joined(waiter, live: live, into: &actions)
        self.run(actions, key, at: now)
    }

    /// The subscriber wants nothing more of these.
    mutating func leave(_ keys: [SubscriptionKey], _ subscriber: Subscriber, at now: Instant) {
        for key in keys where self.subscriptions.contains(key) {  // Bound: `subscriptionsPerSession`.
            var actions: [Subscription.Action] = []
            let live = self.readyVariants(of: self.subscriptions[key].definition)
            self.subscriptions[key].left(subscriber, live: live, into: &actions)
            self.run(actions, key, at: now)
        }
    }

    /// The call has ended, and whatever it still waits for is not wanted.
    mutating func stopWaiting(_ call: CallKey, _ ended: Call) {
        switch ended.purpose {
        case .forward, .initialize, .discover: break
        case .afterTools: self.releaseHeld(call, ended.server)
        case .subscribe(let key): self.stopWaiting(call, for: [key])
        case .listen:
            guard let pending = self.pendingListens.removeValue(forKey: call) else { return }
            self.stopWaiting(call, for: pending.waiting)
            // Those it has already, unless it has become a stream meanwhile.
            guard let subscriber = pending.subscriber else { return }
            for key in pending.honoured where self.subscriptions.contains(key) {
                var actions: [Subscription.Action] = []
                let live = self.readyVariants(of: self.subscriptions[key].definition)
                self.subscriptions[key].left(subscriber, live: live, into: &actions)
                self.tellWorkers(actions, key)
            }
        }
    }

    private mutating func stopWaiting(_ call: CallKey, for keys: [SubscriptionKey]) {
        for key in keys where self.subscriptions.contains(key) {
            var actions: [Subscription.Action] = []
            let live = self.readyVariants(of: self.subscriptions[key].definition)
            self.subscriptions[key].gaveUp(call, live: live, into: &actions)
            self.tellWorkers(actions, key)
        }
    }

    // MARK: Workers

    /// The servers of one configuration whose workers can be told something.
    private func readyVariants(of definition: Int) -> [Int] {
        self.servers.indices.filter { server in
            self.servers[server].definition == definition
                && self.servers[server].worker.map { self.workers[$0].state == .ready } ?? false
        }
    }

    /// A worker is ready: it is told of all that clients want of its server.
    mutating func attachSubscriptions(_ server: Int, at now: Instant) {
        for key in self.subscriptions.all(of: self.servers[server].definition) where self.subscriptions.contains(key) {
            var actions: [Subscription.Action] = []
            self.subscriptions[key].workerReady(server, into: &actions)
            self.run(actions, key, at: now)
        }
    }

    /// The worker has ended.
    mutating func detachSubscriptions(_ server: Int, isExpected: Bool) {
        for key in self.subscriptions.all(of: self.servers[server].definition) {
            self.subscriptions[key].workerLost(server, isExpected: isExpected)
            self.subscriptions.removeIfOver(key)
        }
    }

    /// This server gets no worker for a while. Unless another of its configuration has one, nobody waits.
    mutating func giveUpSubscriptions(_ server: Int, _ text: String, at now: Instant) {
        let definition = self.servers[server].definition
        guard !self.servers.contains(where: { $0.definition == definition && $0.worker != nil }) else { return }
        var error = [UInt8](#"{"code":-32603,"message":"#)
        error.appendJSON(string: text)
        error.append(0x7D)
        for key in self.subscriptions.all(of: definition) where self.subscriptions.contains(key) {
            var actions: [Subscription.Action] = []
            self.subscriptions[key].workersGone(error, into: &actions)
            self.run(actions, key, at: now)
        }
    }

    mutating func subscriptionAnswered(_ server: Int, _ key: SubscriptionKey, error: [UInt8]?, at now: Instant) {
        guard self.subscriptions.contains(key) else { return }
        var actions: [Subscription.Action] = []
        let live = self.readyVariants(of: self.servers[server].definition)
        self.subscriptions[key].answered(server, error: error, live: live, into: &actions)
        self.run(actions, key, at: now)
    }

    /// Tells the worker of `server` that the resource is wanted, or not any more. The only place that knows how. False when there is
    /// no way: then it counts as refused.
    private mutating func tell(_ server: Int, _ method: MCPMethod, _ key: SubscriptionKey) -> Bool {
        guard let worker = self.servers[server].worker, self.servers[server].identity?.hasSubscriptions == true else {
            return false
        }
        switch self.servers[server].era {
        case .legacy:
            var params = [UInt8](#"{"uri":"#)
            params.appendJSON(string: self.subscriptions[key].uri.span)
            params.append(0x7D)
            self.askWorker(worker, method, params, .subscription(key))
            return true
        case .modern:
            // Everything is wanted or not in one subscription, see `ChangesListen`.
            if method == .resourcesSubscribe {
                self.workers[worker].changes.want(key)
            } else {
                self.workers[worker].changes.unwant(key)
            }
            self.staleListens.append(worker)
            return true
        }
    }

    private static let noSubscriptions = [UInt8](#"{"code":-32601,"message":"the server offers no subscriptions"}"#)

    // MARK: Actions

    private mutating func run(_ actions: [Subscription.Action], _ key: SubscriptionKey, at now: Instant) {
        guard !actions.isEmpty else { return self.subscriptions.removeIfOver(key) }
        let refusal = self.subscriptions[key].refusal
        for action in actions {  // Bound: the workers and waiters of one subscription.
            switch action {
            // Expected: with the last waiter that is answered, or the last slow reader that is given up, the subscription may end.
            case .subscribe where !self.subscriptions.contains(key), .unsubscribe where !self.subscriptions.contains(key),
                .restored where !self.subscriptions.contains(key):
                continue
            case .subscribe(let server):
                if !self.tell(server, .resourcesSubscribe, key) {
                    self.subscriptionAnswered(server, key, error: Self.noSubscriptions, at: now)
                }
            case .unsubscribe(let server):
                if !self.tell(server, .resourcesUnsubscribe, key) { self.subscriptionAnswered(server, key, error: nil, at: now) }
            case .accepted(let waiter): self.accepted(waiter, key, at: now)
            case .refused(let waiter): self.refused(waiter, key, refusal, at: now)
            case .restored: self.resourceMayHaveChanged(key, at: now)
            }
        }
        self.subscriptions.removeIfOver(key)
    }

    /// The actions of an event that cannot end anybody's waiting.
    private mutating func tellWorkers(_ actions: [Subscription.Action], _ key: SubscriptionKey) {
        for action in actions {
            switch action {
            // Expected: who cannot be told how to subscribe never was.
            case .subscribe(let server): _ = self.tell(server, .resourcesSubscribe, key)
            case .unsubscribe(let server): _ = self.tell(server, .resourcesUnsubscribe, key)
            case .accepted, .refused, .restored: preconditionFailure("\(action) after the end of a request")
            }
        }
        self.subscriptions.removeIfOver(key)
    }

    private mutating func accepted(_ waiter: Subscription.Waiter, _ key: SubscriptionKey, at now: Instant) {
        guard let call = self.calls.find(waiter.call) else { return }
        guard case .session(let session) = waiter.subscriber else {
            return self.listenSettled(waiter.call, key, isHonoured: true, at: now)
        }
        if self.sessions.contains(session), !self.sessions[session].subscriptions.contains(key) {
            self.sessions[session].subscriptions.append(key)
        }
        self.forget(waiter.call)
        var body = self.takeScratch()
        AnswerRewrite.begin(call.clientID, to: &body)
        body.append(#","result":{}}"#)
        self.finish(call, 200, body.span, at: now)
        self.scratch = body
        self.continueDrain(at: now)
    }

    private mutating func refused(
        _ waiter: Subscription.Waiter, _ key: SubscriptionKey, _ error: [UInt8], at now: Instant
    ) {
        guard let call = self.calls.find(waiter.call) else { return }
        guard case .session = waiter.subscriber else {
            return self.listenSettled(waiter.call, key, isHonoured: false, at: now)
        }
        self.forget(waiter.call)
        var body = self.takeScratch()
        AnswerRewrite.begin(call.clientID, to: &body)
        body.append(#","error":"#)
        body.append(contentsOf: error)
        body.append(0x7D)
        self.finish(call, 200, body.span, at: now)
        self.scratch = body
        self.continueDrain(at: now)
    }
}
