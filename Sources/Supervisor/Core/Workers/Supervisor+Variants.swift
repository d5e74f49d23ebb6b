import Base
import MCP

/// Servers of one configuration for clients that differ in what they can do: made when the first such client comes, ended when none
/// has come for a while.
///
///     absent ──client──▶ serving ──unused for `variantIdle`──▶ retired ──client──▶ serving
///                                                                └──client with other capabilities──▶ replaced
extension Supervisor {
    /// The server for clients of these capabilities, made when there is none yet. Never one that was told more than they can do.
    mutating func variant(of definition: Int, for capabilities: ClientCapabilities, at now: Instant) -> Int {
        guard !capabilities.isEmpty, self.servers[definition].lastEra == .legacy else { return definition }
        // The same program would fail for the same reason, whatever it is told of its clients.
        if self.servers[definition].restart.state == .failed { return definition }
        var best = definition
        var vacant: Int?
        var count = 0
        var hasFailed = false
        for index in self.servers.indices where self.servers[index].definition == definition {  // Bound: `variantsMax` each.
            let told = self.servers[index].capabilities
            count += 1
            if self.servers[index].restart.state == .failed {
                // The program cannot stand to be told that. Its clients share one that was told less.
                hasFailed = hasFailed || told == capabilities
                continue
            }
            if told == capabilities {
                self.use(index, at: now)
                return index
            }
            if self.servers[index].isRetired {
                if self.servers[index].worker == nil { vacant = vacant ?? index }
            } else if told.isSubset(of: capabilities),
                told.rawValue.nonzeroBitCount > self.servers[best].capabilities.rawValue.nonzeroBitCount
            {
                best = index
            }
        }
        guard !self.isDraining, !hasFailed, vacant != nil || count < Server.variantsMax else {
            self.servers[best].lastUsed = now
            return best
        }
        var new = Server(
            self.servers[definition].configuration, definition: definition, capabilities: capabilities,
            restart: RestartPolicy(limits: self.configuration.restart))
        new.resemble(self.servers[definition])
        new.lastUsed = now
        let index = vacant ?? self.servers.count
        if let vacant { new.epoch = self.servers[vacant].epoch }
        if vacant == nil { self.servers.append(new) } else { self.servers[index] = new }
        self.timers.add(.variant(server: index), at: now + Server.variantIdle)
        self.startWorker(index, at: now)
        return index
    }

    /// A client needs it. One that was retired is started again; one that is still ending, once it has.
    private mutating func use(_ server: Int, at now: Instant) {
        self.servers[server].lastUsed = now
        guard self.servers[server].isRetired, !self.isDraining else { return }
        self.servers[server].isRetired = false
        if self.servers[server].worker == nil {
            self.servers[server].restart = RestartPolicy(limits: self.configuration.restart)
        }
        self.timers.add(.variant(server: server), at: now + Server.variantIdle)
        self.startWorker(server, at: now)
    }

    mutating func variantTimerDue(_ server: Int, at now: Instant) {
        guard !self.servers[server].isRetired, !self.isDraining else { return }
        if self.isInUse(server) { self.servers[server].lastUsed = now }
        let due = self.servers[server].lastUsed + Server.variantIdle
        guard due <= now else { return self.timers.add(.variant(server: server), at: due) }
        self.servers[server].isRetired = true
        guard let worker = self.servers[server].worker else { return }
        self.workers[worker].isRetiring = true
        if case .stopping = self.workers[worker].state { return }
        self.stopWorker(worker, step: .inputClosed, at: now)
    }

    private func isInUse(_ server: Int) -> Bool {
        // Bound: the sessions, and the calls in flight; once in `variantIdle`.
        self.sessions.allKeys.contains { self.sessions[$0].variant == server }
            || self.calls.keys.contains { self.calls[$0].server == server }
    }
}
