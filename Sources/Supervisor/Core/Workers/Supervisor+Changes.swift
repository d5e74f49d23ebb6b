import Base
import MCP
import Wire

/// The list changes of modern workers (2026-07-28, subscriptions).
extension Supervisor {
    /// The worker is ready: listens, if there is anything to hear.
    mutating func openChangesListen(_ key: WorkerKey, at now: Instant) {
        let server = self.workers[key].server
        guard self.servers[server].era == .modern, let kinds = self.servers[server].identity?.changing, !kinds.isEmpty,
            self.workers[key].changes.ask(at: now)
        else { return }
        var line = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        self.workers[key].changes.appendID(to: &line)
        line.append(#","method":"subscriptions/listen","params":{"notifications":{"#)
        var isFirst = true
        for (name, kind) in Self.changeNames where kinds.contains(kind) {
            RequestRewrite.separate(&isFirst, &line)
            line.append(0x22)
            line.append(name)
            line.append("\":true")
        }
        line.append(#"},"_meta":{"#)
        Handshake.appendModernMeta(to: &line)
        line.append("}}}\n")
        self.sendLine(line.span, to: key)
    }

    private static let changeNames: [(StaticString, ListKinds)] = [
        ("toolsListChanged", .tools), ("promptsListChanged", .prompts), ("resourcesListChanged", .resources),
    ]

    /// A timer of a worker that serves.
    mutating func changesListenDue(_ key: WorkerKey, at now: Instant) {
        guard case .waiting = self.workers[key].changes.state else { return }
        self.openChangesListen(key, at: now)
    }

    /// `notifications/subscriptions/acknowledged`.
    mutating func listenAcknowledged(_ key: WorkerKey, _ line: Span<UInt8>, at now: Instant) {
        guard let id = self.subscription(line), self.workers[key].changes.names(line.extracting(id.range)),
            self.workers[key].changes.acknowledged(at: now)
        else { return }
        // Between two subscriptions nobody listened.
        let server = self.workers[key].server
        if let kinds = self.servers[server].identity?.changing { self.servers[server].changedLists.formUnion(kinds) }
    }

    /// Whether the result, error or cancellation under `id` is the end of our subscription, which is renewed then.
    mutating func listenEnded(_ key: WorkerKey, id: ByteRange?, _ line: Span<UInt8>, at now: Instant) -> Bool {
        guard let id, self.workers[key].changes.names(line.extracting(id.range)) else { return false }
        if let again = self.workers[key].changes.ended(at: now) {
            self.workers[key].deadline = again
            self.timers.add(.worker(key), at: again)
        } else if self.workers[key].changes.state == .givenUp {
            self.log(
                .warning, "a server announces changes of its lists, but refuses to tell them",
                [.text("server", self.servers[self.workers[key].server].name)])
        }
        return true
    }

    private mutating func subscription(_ line: Span<UInt8>) -> ByteRange? {
        guard let meta = self.workerScanner.members.value("_meta", in: line), jsonKind(line, meta) == .object,
            (try? self.metaScanner.scanObject(line, at: meta, into: &self.metaMembers)) != nil
        else { return nil }
        return self.metaMembers.value("io.modelcontextprotocol/subscriptionId", in: line)
    }
}
