import Base
import MCP
import Wire

/// `notifications/resources/updated`: one of a worker becomes one for everybody who subscribed, each with the uri that the worker
/// reported.
extension Supervisor {
    mutating func resourceUpdated(_ worker: WorkerKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant) {
        let definition = self.servers[self.workers[worker].server].definition
        let members = self.workerScanner.members
        guard let range = members.value("uri", in: message), let uri = Self.subscribableURI(message, range) else {
            self.counters.droppedNotifications += 1
            return
        }
        let subscribers = self.subscriptions.subscribers(definition, to: uri)
        guard !subscribers.isEmpty else {
            self.counters.droppedNotifications += 1
            return
        }
        var params: [UInt8] = []
        var isFirst = true
        for member in members.members where !RequestRewrite.isKey(member, "_meta", message) {
            RequestRewrite.separate(&isFirst, &params)
            RequestRewrite.copy(member, message, envelope.needsLineRewrite, to: &params)
        }
        self.tellUpdate(params, uri, to: subscribers, at: now)
    }

    /// A worker watches the resource again after a time in which none did.
    mutating func resourceMayHaveChanged(_ key: SubscriptionKey, at now: Instant) {
        let uri = self.subscriptions[key].uri
        var params = [UInt8](#""uri":"#)
        params.appendJSON(string: uri.span)
        self.tellUpdate(params, uri, to: self.subscriptions[key].subscribers, at: now)
    }

    /// `params` are the members of the notification's `params`.
    private mutating func tellUpdate(_ params: [UInt8], _ uri: [UInt8], to subscribers: [Subscriber], at now: Instant) {
        var plain = [UInt8](#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"#)
        plain.append(contentsOf: params)
        let common = plain.count
        plain.append("}}")
        for subscriber in subscribers {  // Bound: `subscriptionsPerServer` of each client.
            switch subscriber {
            case .session(let session):
                // Expected: a session that is its connection ended with it, because its reader was too slow.
                guard self.sessions.contains(session) else { continue }
                guard let stream = self.sessions[session].stream else {
                    self.keepUpdate(uri, session)
                    continue
                }
                self.send(stream, plain.span, at: now)
            case .listen(let connection, let number):
                guard let id = self.listenID(connection, number) else { continue }
                var stamped = [UInt8](plain[..<common])
                stamped.append(0x2C)
                Self.appendSubscriptionMeta(id, to: &stamped)
                stamped.append("}}")
                self.send(connection, stamped.span, at: now)
            }
        }
    }

    private func listenID(_ connection: ConnectionKey, _ number: UInt64) -> [UInt8]? {
        guard self.connections.contains(connection) else { return nil }
        if case .duplex(let duplex) = self.connections[connection].phase {
            guard self.duplexes.contains(duplex) else { return nil }
            return self.duplexes[duplex].listens.first { $0.number == number }?.id
        }
        guard let listen = self.connections[connection].listen, listen.number == number else { return nil }
        return listen.id
    }

    /// The session has no stream: it is told once when it opens one.
    private mutating func keepUpdate(_ uri: [UInt8], _ session: SessionKey) {
        guard !self.sessions[session].pendingUpdates.contains(uri) else { return }
        guard self.sessions[session].pendingUpdates.count < self.configuration.limits.subscriptionsPerSession else {
            self.counters.droppedNotifications += 1
            return
        }
        self.sessions[session].pendingUpdates.append(uri)
    }

    /// The session's stream has just been opened.
    mutating func sendPendingUpdates(_ session: SessionKey, at now: Instant) {
        var pending: [[UInt8]] = []
        swap(&pending, &self.sessions[session].pendingUpdates)
        for uri in pending {
            guard self.sessions.contains(session) else { return }
            var params = [UInt8](#""uri":"#)
            params.appendJSON(string: uri.span)
            self.tellUpdate(params, uri, to: [.session(session)], at: now)
        }
    }
}
