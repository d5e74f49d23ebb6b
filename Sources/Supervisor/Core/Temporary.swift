import Base
import MCP
import Wire

public struct Principal: Hashable, Sendable {
    public static let anonymous = Principal()
}

public struct AccessPolicy: Sendable {
    public init() {}
}

struct SpawnBudget {
    init(limits: SpawnLimits, now: Instant) {}
    mutating func take(at now: Instant) -> Bool { true }
    func nextToken(at now: Instant) -> Instant { now }
}

struct RestartPolicy {
    enum OnWorkerDied { case startNow, armTimer(Instant), openCircuit(until: Instant), giveUp }
    enum OnTimerFired { case startWorker, none }
    init(limits: RestartLimits) {}
    func retryAfter(at now: Instant) -> Interval? { nil }
    mutating func workerReady(at now: Instant) {}
    mutating func workerDied(exit: WorkerExit, lived: Interval?, hasServed: Bool, at now: Instant, jitter: inout PRNG) -> OnWorkerDied { .startNow }
    mutating func timerFired(at now: Instant) -> OnTimerFired { .startWorker }
}
