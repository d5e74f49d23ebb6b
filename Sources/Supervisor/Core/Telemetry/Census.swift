import Base

/// How full the machine's tables and buffers are. Walks all of them, so it is for the simulator's checkers and for tests, not for a
/// running supervisor.
package struct Census: Equatable, Sendable {
    /// The bytes that one connection holds.
    package struct Buffers: Equatable, Sendable {
        package var unsent = 0
        package var input = 0
        package var isStreaming = false
        package var isIdle = false
        /// Bytes are left in the kernel although the connection waits for the rest of a request.
        package var isStarved = false
    }

    package struct Channel: Equatable, Sendable {
        package var unsent = 0
        package var inFlight = 0
        package var isStopping = false
    }

    package struct Backlog: Equatable, Sendable {
        package var queued = 0
        package var queuedBytes = 0
        /// Index of the configured server.
        package var definition = 0
    }

    package var connections: [Buffers] = []
    package var workers: [Channel] = []
    package var queues: [Backlog] = []
    package var calls = 0
    /// Calls that may be asked for input, questions at legacy clients, and calls that wait for the return of modern ones.
    package var inputs = 0
    package var inputBytes = 0
    package var asks = 0
    package var parked = 0
    package var sessions = 0
    package var timers = 0
    /// Bytes in the event logs of all sessions, and streams there that have not ended.
    package var eventBytes = 0
    package var openStreams = 0
    /// Connections with a whole request in their input that nothing is going to look at before the next event.
    package var forgottenInput = 0
    package var isDraining = false
    package var hasStopped = false
}

extension Supervisor {
    /// Which of the servers of one configuration a worker is for, while it is there.
    package func variant(of key: WorkerKey) -> Int? { self.workers.find(key)?.server }

    /// Whether its end is a death. A probe, and one that was spoken to in the wrong way, ends for another to take its place.
    package func countsAsDeath(_ key: WorkerKey) -> Bool { self.workers.find(key).map { $0.role == .serving } ?? true }

    package func census() -> Census {
        var census = Census()
        for key in self.connections.keys {
            var buffers = Census.Buffers(unsent: self.connections[key].unsentBytes, input: self.connections[key].input.count)
            if case .streaming = self.connections[key].phase { buffers.isStreaming = true }
            buffers.isIdle = self.connections[key].isIdle && self.connections[key].unsentBytes == 0
            buffers.isStarved =
                self.connections[key].phase == .reading && self.connections[key].isReadingPaused
                && self.connections[key].unsentBytes == 0
            census.connections.append(buffers)
        }
        for key in self.workers.keys {
            var channel = Census.Channel(unsent: self.workers[key].unsentBytes, inFlight: self.workers[key].inFlight)
            if case .stopping = self.workers[key].state { channel.isStopping = true }
            census.workers.append(channel)
        }
        census.queues = self.servers.map { Census.Backlog(queued: $0.queue.count, definition: $0.definition) }
        for key in self.calls.keys where self.calls[key].state == .queued {
            census.queues[self.calls[key].server].queuedBytes += self.calls[key].line.count
        }
        census.calls = self.calls.count
        census.inputs = self.inputs.count
        census.inputBytes = self.inputs.bytes
        census.asks = self.asks.count
        census.parked = self.parked.count
        census.sessions = self.sessions.count
        census.timers = self.timers.count
        census.eventBytes = self.eventBudget.bytes
        for key in self.sessions.allKeys { census.openStreams += self.sessions[key].events?.openCount ?? 0 }
        census.forgottenInput = self.resumable.count
        census.isDraining = self.isDraining
        census.hasStopped = self.hasStopped
        return census
    }
}
