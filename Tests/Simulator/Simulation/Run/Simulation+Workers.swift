import Base
import SupervisorCore

/// Worker processes and their channels, as in the reactor.
extension Simulation {
    private static var readBytesMax: Int { 64 << 10 }

    private func process(_ key: WorkerKey) -> SimProcess? {
        guard Int(key.slot) < self.processTable.count, let process = self.processTable[Int(key.slot)], process.key == key else {
            return nil
        }
        return process
    }

    private func isLive(_ process: SimProcess) -> Bool { self.process(process.key) === process }

    func spawnWorker(_ key: WorkerKey, _ server: Int) {
        while self.processTable.count <= Int(key.slot) { self.processTable.append(nil) }
        self.processesSeen.asked(
            key, server: self.supervisor.variant(of: key) ?? server, at: self.now, drainedAt: self.drainRequestedAt)
        if self.random.permille(self.faults.spawnFailure) {
            let errno = self.random.one(of: [Int32(2), 11, 12, 24])
            self.trace.add("no spawn", at: self.now, server, Int(errno))
            self.processesSeen.reaped(
                key, .notStarted(errno), isDeath: self.supervisor.countsAsDeath(key), at: self.now)
            return self.supervisor.workerExited(key, .notStarted(errno), at: self.now)
        }
        let pid = self.nextPID
        self.nextPID += 1
        let isBuiltin: Bool = if case .sql = self.configuration.servers[server].kind { true } else { false }
        let process = SimProcess(key: key, server: server, pid: pid, isSocket: isBuiltin, capacity: self.plan.pipeCapacity)
        self.processTable[Int(key.slot)] = process
        let manner = SimWorker.Manner(self.configuration.servers[server].kind)
        let worker = SimWorker(process, world: self, manner: manner, random: self.random.branch())
        self.workers[pid] = worker
        self.livePIDs.append(pid)
        self.trace.add("spawn", at: self.now, Int(pid), server)
        self.supervisor.workerSpawned(key, processID: pid, at: self.now)
        self.wake(worker, after: .microseconds(1))
    }

    private func wakeWorker(of process: SimProcess) {
        if let worker = self.workers[process.pid] { self.wake(worker, after: self.plan.latency) }
    }

    // MARK: Channel

    func workerOutputReady(_ process: SimProcess) {
        guard self.isLive(process), process.outputIsWatched else { return }
        var bytes = process.output.take(Self.readBytesMax)
        if bytes.isEmpty {
            guard process.outputClosed else { return }
            process.outputIsWatched = false
            self.trace.add("end of out", at: self.now, Int(process.pid))
            self.supervisor.workerOutputEnded(process.key, at: self.now)
            if process.isSocket { self.endInput(process) }
            return
        }
        self.trace.add("out", at: self.now, Int(process.pid), bytes.count)
        self.corrupt(&bytes)
        self.supervisor.workerBytes(process.key, bytes.span, at: self.now)
        self.wakeWorker(of: process)
    }

    /// The canary `wrong-client`: the ids of the first two answers change places.
    private func corrupt(_ bytes: inout [UInt8]) {
        guard self.canary == .wrongClient else { return }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        let mark = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8)
        let answers = lines.indices.filter { lines[$0].starts(with: mark) && lines[$0].count > mark.count + 20 }
        guard answers.count >= 2 else { return }
        var changed = lines
        let (first, second) = (answers[0], answers[1])
        func id(_ line: [UInt8]) -> ArraySlice<UInt8> { line[mark.count...].prefix { $0 != 0x2C } }
        changed[first] = mark + id(lines[second]) + lines[first].dropFirst(mark.count + id(lines[first]).count)
        changed[second] = mark + id(lines[first]) + lines[second].dropFirst(mark.count + id(lines[second]).count)
        bytes = Array(changed.joined(separator: [0x0A]))
    }

    func writeWorker(_ key: WorkerKey) {
        guard let process = self.process(key), !process.inputEnded else { return }
        let written = self.supervisor.withOutput(ofWorker: key) { bytes -> Int in
            guard process.isInputRead, !bytes.isEmpty else { return 0 }
            if self.canary == .tornLine, bytes.count > 60, self.random.below(300) == 0 {
                return process.input.put(bytes.extracting(0..<40)) == 40 ? 41 : 0
            }
            return process.input.put(bytes)
        }
        guard let written else { return }
        if written > 0 {
            self.trace.add("in", at: self.now, Int(process.pid), written)
            self.wakeWorker(of: process)
        }
        self.supervisor.workerInputWritten(key, written, at: self.now)
        let hasMore = self.supervisor.hasOutput(worker: key)
        process.waitsForInput = hasMore
        if !hasMore && process.closesInput { self.endInput(process) }
    }

    func workerInputReady(_ process: SimProcess) {
        guard self.isLive(process) else { return }
        guard process.isInputRead else {
            self.endInput(process)
            return self.supervisor.workerInputLost(process.key, at: self.now)
        }
        self.writeWorker(process.key)
    }

    func closeWorkerInput(_ key: WorkerKey) {
        self.processesSeen.effect("closeWorkerInput", key)
        guard let process = self.process(key) else { return }
        if self.supervisor.hasOutput(worker: key) {
            process.closesInput = true
        } else {
            self.endInput(process)
        }
    }

    private func endInput(_ process: SimProcess) {
        guard !process.inputEnded else { return }
        process.inputEnded = true
        process.waitsForInput = false
        self.trace.add("end of in", at: self.now, Int(process.pid))
        self.wakeWorker(of: process)
    }

    // MARK: End

    func signalWorker(_ key: WorkerKey, _ signal: WorkerSignal) {
        self.processesSeen.effect("signalWorker", key)
        guard let process = self.process(key), !process.isReaped else { return }
        self.trace.add("signal", at: self.now, Int(process.pid), signal == .kill ? 9 : 15)
        if self.canary == .noKill, signal == .kill { return }
        guard let worker = self.workers[process.pid] else { return }
        worker.signalled(signal)
        self.wake(worker, after: self.plan.latency)
    }

    func workerEnded(_ process: SimProcess) {
        guard self.isLive(process), !process.isReaped, let exit = process.exit else { return }
        if self.canary == .unreaped, self.random.below(3) == 0 {
            process.isReaped = true
            return
        }
        process.isReaped = true
        self.trace.add("reap", at: self.now, Int(process.pid), -1, exit.description)
        while true {  // Bound: what the pipe holds.
            let bytes = process.output.take(Self.readBytesMax)
            if bytes.isEmpty { break }
            self.supervisor.workerBytes(process.key, bytes.span, at: self.now)
        }
        // Not before: by its last words a probe may have become a worker.
        self.processesSeen.reaped(
            process.key, exit, isDeath: self.supervisor.countsAsDeath(process.key), at: self.now)
        self.supervisor.workerOutputEnded(process.key, at: self.now)
        self.supervisor.workerExited(process.key, exit, at: self.now)
    }

    func closeWorker(_ key: WorkerKey) {
        self.processesSeen.closed(key, at: self.now)
        guard let process = self.process(key) else { return }
        self.processTable[Int(key.slot)] = nil
        self.workers[process.pid] = nil
        self.livePIDs.removeAll { $0 == process.pid }
        self.trace.add("gone", at: self.now, Int(process.pid))
    }
}
