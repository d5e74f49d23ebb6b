import Base
import Linux
import SupervisorCore

/// The sample database, made once by the worker program in the first state directory that can be used.
enum SampleDatabase {
    /// The path of the file, or nothing when no server needs it.
    static func prepare(_ configuration: Configuration, worker: [UInt8]) throws(Startup.Failure) -> String {
        let isNeeded = configuration.servers.contains {
            guard case .sql(let databases) = $0.kind else { return false }
            return databases.contains { $0.source == .sample }
        }
        guard isNeeded else { return "" }
        var reasons: [String] = []
        var code = ExitCode.unavailable
        for directory in configuration.directories.state {
            let path = "\(directory)/sample.db"
            do throws(SystemError) {
                if try Self.isThere(path) { return path }
                try Files.makeDirectories(directory)
                try Files.check(directory, .write)
            } catch {
                reasons.append("\(directory): \(error.errno)")
                if error.exitCode == .permission { code = .permission }
                continue
            }
            guard let reason = Self.make(path, worker: worker) else { return path }
            reasons.append("\(path): \(reason)")
        }
        throw Startup.Failure(
            code: code,
            text: """
                cannot make the sample database (\(reasons.joined(separator: "; "))); name a directory that this user may write \
                with --state-dir
                """)
    }

    /// False when it is certainly not there; an error when that cannot be told or it is there and cannot be read.
    private static func isThere(_ path: String) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try Files.check(path, .read)
            return true
        } catch {
            guard error.errno == .noEntry else { throw error }
            return false
        }
    }

    /// It takes some 30 ms; a machine that needs so much longer has another problem.
    private static let timeout = Interval.seconds(30)

    /// Why it could not be made, or nil. The child is gone in either case; it told more on stderr, which is ours.
    private static func make(_ path: String, worker: [UInt8]) -> String? {
        do throws(SystemError) {
            let null = try Files.null()
            let child = try Spawn(
                program: worker, arguments: [Array("sample".utf8), Array(path.utf8)], environment: [],
                descriptors: [null.descriptor, .standardError, .standardError]
            ).start()
            defer { child.pidFD.close() }
            guard let status = try child.pidFD.reap(within: Self.timeout) else {
                try child.pidFD.send(.kill)
                _ = try child.pidFD.reap(within: Self.timeout)
                return "mcp-worker sample was still at it after \(Self.timeout.wholeSeconds) seconds and was killed"
            }
            return status.isSuccess ? nil : "mcp-worker sample ended with \(status)"
        } catch {
            return "cannot run mcp-worker sample: \(error)"
        }
    }
}

extension PidFD {
    /// Waits for the end of the process, at most so long; nil when it still runs then. Blocks: for the start and for errors.
    func reap(within timeout: Interval) throws(SystemError) -> ExitStatus? {
        var set = PollSet()
        let place = set.add(self.descriptor)
        set.setInterest(place, self.descriptor, reading: true, writing: false)
        let deadline = SystemClock.now() + timeout
        while true {  // Bound: `timeout`.
            if let status = try self.reap() { return status }
            let left = deadline - SystemClock.now()
            guard left > .zero else { return nil }
            try set.wait(timeout: left)
        }
    }
}
