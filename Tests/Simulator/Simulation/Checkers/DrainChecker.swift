import Base
import SupervisorCore

/// A drain ends with status 0 within a second of its deadline; it does not wait for what it need not wait for, and leaves nothing
/// behind.
struct DrainChecker {
    let judge: Judge
    private let configuration: Configuration
    private var endsBy: Instant?

    /// For workers to be ended, for readers to take the last answers, and for the kernel to tell of it.
    private static let slack = Interval.seconds(1)

    init(judge: Judge, configuration: Configuration) {
        self.judge = judge
        self.configuration = configuration
    }

    mutating func requested(at now: Instant) { self.shorten(to: now + self.configuration.drain.deadline) }

    mutating func hurried(at now: Instant) { self.shorten(to: now + self.configuration.drain.hurriedDeadline) }

    private mutating func shorten(to deadline: Instant) {
        let end = deadline + Self.slack
        self.endsBy = Swift.min(self.endsBy ?? end, end)
    }

    func turnEnded(_ census: Census, at now: Instant) {
        guard let end = self.endsBy else { return }
        if now > end && !census.hasStopped {
            self.judge.report("drain", "it should have ended at \(end.nanoseconds / 1_000_000) ms: \(census)")
        }
        if census.connections.contains(where: \.isIdle) {
            self.judge.report("drain", "a connection goes on although nothing is asked on it")
        }
        // Without calls there is nothing to wait for: the workers must be on their way out.
        if census.calls == 0, census.workers.contains(where: { !$0.isStopping }) {
            self.judge.report("drain", "a worker goes on although no call is left")
        }
    }

    func exited(_ status: Int32?, _ census: Census) {
        guard status == 0 else {
            return self.judge.report("drain", "no exit, or exit with \(status.map { "\($0)" } ?? "nothing")")
        }
        if !census.connections.isEmpty || !census.workers.isEmpty || census.calls > 0 {
            self.judge.report("drain", "left at the exit: \(census)")
        }
    }
}
