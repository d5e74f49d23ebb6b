import Base
import Linux
import Simulation

/// Runs many seeds in processes of their own, so that one that traps is reported by its seed like any other failure.
struct ManySeeds {
    /// One process and the seeds that are its share.
    private struct Share {
        let output: FileDescriptor
        let process: PidFD
        /// The seed whose line comes next.
        var next: UInt64
        var line: [UInt8] = []
    }

    private let arguments: Arguments
    private let program: [UInt8]
    private let end: UInt64
    private var shares: [Share?] = []
    private var total = Statistics()
    private var done: UInt64 = 0
    private var failures: [UInt64] = []
    private let startedAt = SystemClock.now()
    private var reportedTenths: UInt64 = 0

    /// So many failures are told in full; then only their seeds.
    private static let detailsMax = 3
    /// Bound: after so many the rest of the seeds is not run.
    private static let failuresMax = 50

    init(_ arguments: Arguments) throws(SystemError) {
        self.arguments = arguments
        self.program = try Files.readLink("/proc/self/exe")
        self.end = arguments.from + arguments.count
    }

    /// The exit status.
    mutating func run() throws(SystemError) -> Int32 {
        let epoll = try Epoll()
        var events = Epoll.Buffer(capacity: 64)
        for job in 0..<Swift.min(self.arguments.jobs, self.arguments.count) {
            let share = try self.start(from: self.arguments.from + job)
            try epoll.add(share.output, .readable, data: UInt64(self.shares.count))
            self.shares.append(share)
        }
        while self.shares.contains(where: { $0 != nil }) {
            try epoll.wait(into: &events, until: nil)
            for index in 0..<events.count { try self.read(Int(events[index].data), epoll) }
        }
        let seconds = Double((SystemClock.now() - self.startedAt).nanoseconds / 1_000_000) / 1_000
        print("mcp-sim: \(self.done) seeds from \(self.arguments.from), \(self.failures.count) failed, \(seconds) s")
        print(
            """
            mcp-sim: \(self.total.turns) turns, \(self.total.requests) requests, \(self.total.answers) answers, \
            \(self.total.results) results of workers, \(self.total.questions) questions, \(self.total.spawns) workers, \(self.total.crashes) crashes, \
            \(self.total.virtualSeconds) s of virtual time
            """)
        if !self.failures.isEmpty { print("mcp-sim: failed seeds: \(self.failures.sorted())") }
        return self.failures.isEmpty ? 0 : 1
    }

    private func start(from seed: UInt64) throws(SystemError) -> Share {
        var words = ["--from", "\(seed)", "--seeds", "\(self.end - seed)", "--stride", "\(self.arguments.jobs)"]
        if let canary = self.arguments.canary { words += ["--canary", canary.rawValue] }
        let (output, process) = try self.spawn(words)
        return Share(output: output, process: process, next: seed)
    }

    private func spawn(_ words: [String]) throws(SystemError) -> (FileDescriptor, PidFD) {
        let (read, write) = try DescriptorPair.pipe(nonblocking: false).release()
        defer { write.close() }
        let null = try Files.null()
        let child = try Spawn(
            program: self.program, arguments: words.map { Array($0.utf8) },
            environment: [Array("SWIFT_BACKTRACE=enable=no".utf8), Array("SWIFT_DETERMINISTIC_HASHING=1".utf8)],
            descriptors: [null.descriptor, write, .standardError], placement: .sameGroup
        ).start()
        return (read, child.pidFD)
    }

    /// The next bytes of one process, or its end.
    private mutating func read(_ index: Int, _ epoll: borrowing Epoll) throws(SystemError) {
        guard var share = self.shares[index] else { return }
        guard let bytes = Self.read(share.output) else {
            try epoll.remove(share.output)
            share.output.close()
            _ = try share.process.reapBlocking()
            share.process.close()
            self.shares[index] = nil
            // It ended before its share did: the seed it was at has trapped, or broke a rule.
            guard share.next < self.end, self.failures.count < Self.failuresMax else { return }
            try self.failed(share.next)
            self.done += 1
            let next = share.next + self.arguments.jobs
            guard next < self.end else { return }
            let rest = try self.start(from: next)
            try epoll.add(rest.output, .readable, data: UInt64(index))
            self.shares[index] = rest
            return
        }
        for byte in bytes {
            if byte == 0x0A {
                self.total.add(Statistics(line: String(decoding: share.line, as: UTF8.self)))
                share.line = []
                share.next += self.arguments.jobs
                self.done += 1
                self.tellProgress()
            } else {
                share.line.append(byte)
            }
        }
        self.shares[index] = share
    }

    /// Nil at the end.
    private static func read(_ descriptor: FileDescriptor) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var span = buffer.mutableSpan
        guard case .moved(let count) = try? descriptor.read(into: &span), count > 0 else { return nil }
        return Array(buffer[0..<count])
    }

    private mutating func tellProgress() {
        let tenths = self.done * 10 / self.arguments.count
        guard tenths > self.reportedTenths else { return }
        self.reportedTenths = tenths
        print("mcp-sim: \(self.done) of \(self.arguments.count) seeds, \(self.failures.count) failed")
    }

    /// Runs the seed once more and shows how it ended.
    private mutating func failed(_ seed: UInt64) throws(SystemError) {
        self.failures.append(seed)
        print("mcp-sim: FAILED: seed \(seed)\(self.arguments.commit.map { " at commit \($0)" } ?? "")")
        guard self.failures.count <= Self.detailsMax else { return }
        var words = ["--seed", "\(seed)", "--verbose"]
        if let canary = self.arguments.canary { words += ["--canary", canary.rawValue] }
        let (output, process) = try self.spawn(words)
        var tail: [UInt8] = []
        while let bytes = Self.read(output) { tail = Array((tail + bytes).suffix(64 << 10)) }
        output.close()
        let status = try process.reapBlocking()
        process.close()
        let lines = String(decoding: tail, as: UTF8.self).split(separator: "\n").suffix(54)
        for line in lines { print("  \(line.prefix(400))") }
        print("mcp-sim: that run ended with \(status)")
    }
}

extension PidFD {
    /// Waits for the end of a child whose output has ended, which is imminent.
    fileprivate func reapBlocking() throws(SystemError) -> ExitStatus {
        let epoll = try Epoll()
        var events = Epoll.Buffer(capacity: 1)
        try epoll.add(self.descriptor, .readable, data: 0)
        while true {  // Bound: the child's life; its pipe is closed.
            try epoll.wait(into: &events, until: nil)
            if let status = try self.reap() { return status }
        }
    }
}

extension Statistics {
    /// As a process tells it to its parent.
    var line: String {
        "\(self.turns) \(self.requests) \(self.answers) \(self.results) \(self.questions) \(self.spawns) \(self.crashes) "
            + "\(self.virtualSeconds)"
    }

    init(line: String) {
        let numbers = line.split(separator: " ").map { Int($0) ?? 0 }
        self.init(numbers)
    }
}
