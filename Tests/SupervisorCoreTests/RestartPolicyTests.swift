import Base
import Testing

@testable import SupervisorCore

@Suite struct RestartPolicyTests {
    private static let limits = Configuration.standard.restart
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    /// A policy with what its driver would bring along.
    private struct Rig {
        var policy = RestartPolicy(limits: RestartPolicyTests.limits)
        var jitter = PRNG(seed: 7)
        var now = RestartPolicyTests.start

        mutating func ready() { self.policy.workerReady(at: self.now) }

        mutating func die(
            _ exit: WorkerExit = .signalled(9), lived: Interval? = .milliseconds(5), served: Bool = true
        ) -> RestartPolicy.OnWorkerDied {
            self.policy.workerDied(exit: exit, lived: lived, hasServed: served, at: self.now, jitter: &self.jitter)
        }

        mutating func fire() -> RestartPolicy.OnTimerFired { self.policy.timerFired(at: self.now) }

        /// Ready, served, dead, and started again when its time has come. Returns the wait.
        mutating func crash(served: Bool = true) -> Interval {
            self.ready()
            switch self.die(served: served) {
            case .startNow: return .zero
            case .armTimer(let until), .openCircuit(let until):
                let wait = until - self.now
                self.now = until
                _ = self.fire()
                return wait
            case .giveUp: return .hours(1_000)
            }
        }
    }

    /// One policy in each state.
    private static func rig(_ name: String) -> Rig {
        var rig = Rig()
        switch name {
        case "starting": break
        case "running": rig.ready()
        case "waiting": _ = rig.die(lived: nil, served: false)
        case "open", "probing", "proving":
            for _ in 0..<3 {
                let decision = rig.die(lived: nil, served: false)
                if case .armTimer(let until) = decision {
                    rig.now = until
                    _ = rig.fire()
                }
            }
            guard case .open(let until) = rig.policy.state, name != "open" else { break }
            rig.now = until
            _ = rig.fire()
            if name == "proving" { rig.ready() }
        default: _ = rig.die(.exited(78))
        }
        return rig
    }

    private static func name(_ state: RestartPolicy.State) -> String {
        switch state {
        case .starting: "starting"
        case .running: "running"
        case .waiting: "waiting"
        case .open: "open"
        case .probing: "probing"
        case .proving: "proving"
        case .failed: "failed"
        }
    }

    static let states = ["starting", "running", "waiting", "open", "probing", "proving", "failed"]

    @Test(arguments: states)
    func `the rig reaches every state`(name: String) {
        #expect(Self.name(Self.rig(name).policy.state) == name)
    }

    // MARK: State × event

    @Test(arguments: [("starting", "running"), ("probing", "proving")])
    func `a worker becomes ready`(before: String, after: String) {
        var rig = Self.rig(before)
        rig.ready()
        #expect(Self.name(rig.policy.state) == after)
    }

    @Test(arguments: ["running", "waiting", "open", "proving", "failed"])
    func `no worker becomes ready where none was starting`(name: String) async {
        await #expect(processExitsWith: .failure) { [name] in
            var rig = RestartPolicyTests.rig(name)
            rig.ready()
        }
    }

    @Test(arguments: ["waiting", "open", "failed"])
    func `no worker dies where none was`(name: String) async {
        await #expect(processExitsWith: .failure) { [name] in
            var rig = RestartPolicyTests.rig(name)
            _ = rig.die()
        }
    }

    @Test(arguments: [
        ("starting", "starting"), ("running", "starting"), ("proving", "starting"), ("probing", "starting"),
    ])
    func `a served worker that dies in quiet times is restarted at once`(before: String, after: String) {
        var rig = Self.rig(before)
        #expect(rig.die() == .startNow)
        #expect(Self.name(rig.policy.state) == after)
        #expect(rig.policy.retryAfter(at: rig.now) == nil)
    }

    @Test(arguments: ["starting", "running", "probing", "proving"])
    func `a fatal status fails the server for good`(name: String) {
        var rig = Self.rig(name)
        #expect(rig.die(.exited(78)) == .giveUp)
        #expect(rig.policy.state == .failed)
        #expect(rig.policy.refusesCalls)
        rig.now = rig.now + .hours(10)
        #expect(rig.fire() == .none)
        #expect(rig.policy.state == .failed)
    }

    @Test(arguments: ["starting", "running", "failed"])
    func `a timer that is late changes nothing`(name: String) {
        var rig = Self.rig(name)
        let before = rig.policy
        #expect(rig.fire() == (name == "starting" ? .startWorker : .none))
        #expect(rig.policy == before)
    }

    @Test(arguments: [("waiting", "starting"), ("open", "probing")])
    func `a timer starts a worker when its time has come and not before`(name: String, after: String) throws {
        var rig = Self.rig(name)
        let wait = try #require(rig.policy.retryAfter(at: rig.now))
        rig.now = rig.now + (wait - .nanoseconds(1))
        #expect(rig.fire() == .none)
        #expect(Self.name(rig.policy.state) == name)
        rig.now = rig.now + .nanoseconds(1)
        #expect(rig.policy.retryAfter(at: rig.now) == .zero)
        #expect(rig.fire() == .startWorker)
        #expect(Self.name(rig.policy.state) == after)
    }

    @Test(arguments: ["starting", "probing"])
    func `a start that waits for budget is asked for again`(name: String) {
        var rig = Self.rig(name)
        #expect(rig.fire() == .startWorker)
        #expect(Self.name(rig.policy.state) == name)
    }

    @Test(arguments: [
        ("starting", false, "starting"), ("running", false, "running"), ("waiting", true, "starting"), ("open", true, "starting"),
        ("probing", false, "starting"), ("proving", false, "running"), ("failed", true, "starting"),
    ])
    func `an operator resets every state`(name: String, mustStart: Bool, after: String) {
        var rig = Self.rig(name)
        let starts = rig.policy.reset()
        #expect(starts == mustStart)
        #expect(Self.name(rig.policy.state) == after)
        #expect(!rig.policy.refusesCalls)
    }

    @Test func `calls are refused only while nothing is being tried`() {
        #expect(Self.states.filter { Self.rig($0).policy.refusesCalls } == ["open", "failed"])
        #expect(
            Self.states.filter { Self.rig($0).policy.retryAfter(at: Self.start) == nil } == [
                "starting", "running", "probing", "proving",
            ])
    }

    // MARK: Rules

    @Test func `delays double from 100 ms, then the circuit opens for 30 s`() {
        var rig = Rig()
        let waits = (0..<5).map { _ in rig.crash() }
        #expect(waits[0] == .zero)
        for (index, milliseconds) in [(1, 100), (2, 200), (3, 400)] as [(Int, Int64)] {
            #expect(waits[index] >= .milliseconds(milliseconds * 8 / 10), "\(waits)")
            #expect(waits[index] <= .milliseconds(milliseconds * 12 / 10), "\(waits)")
        }
        #expect(waits[4] == .seconds(30))
        #expect(rig.policy.state == .probing)
    }

    @Test func `workers that never served count twice and never restart at once`() {
        var rig = Rig()
        guard case .armTimer(let first) = rig.die(lived: nil, served: false) else { return #expect(Bool(false)) }
        #expect(first - rig.now >= .milliseconds(80) && first - rig.now <= .milliseconds(120))
        rig.now = first
        _ = rig.fire()
        guard case .armTimer(let second) = rig.die(lived: nil, served: false) else { return #expect(Bool(false)) }
        #expect(second - rig.now >= .milliseconds(320) && second - rig.now <= .milliseconds(480))
        rig.now = second
        _ = rig.fire()
        #expect(rig.die(lived: nil, served: false) == .openCircuit(until: rig.now + .seconds(30)))
    }

    @Test func `a worker that lived for 10 s restarts at once even if it never served`() {
        var rig = Rig()
        rig.ready()
        #expect(rig.die(lived: .seconds(10), served: false) == .startNow)
        var other = Rig()
        other.ready()
        guard case .armTimer = other.die(lived: .milliseconds(9_999), served: false) else { return #expect(Bool(false)) }
    }

    @Test func `deaths outside the window are forgotten`() {
        var rig = Rig()
        #expect(rig.crash() == .zero)
        rig.now = rig.now + .seconds(30)
        #expect(rig.crash() == .zero)
        rig.now = rig.now + .milliseconds(29_999)
        #expect(rig.crash() > .zero)
    }

    @Test func `failing probes double the time the circuit stays open, up to 5 minutes`() {
        var rig = Self.rig("probing")
        var waits: [Interval] = []
        for _ in 0..<6 {
            guard case .openCircuit(let until) = rig.die(lived: nil, served: false) else { return #expect(Bool(false)) }
            waits.append(until - rig.now)
            rig.now = until
            #expect(rig.fire() == .startWorker)
        }
        #expect(waits == [60, 120, 240, 300, 300, 300].map { .seconds($0) })
    }

    @Test func `a probe that was ready but did no work opens the circuit again`() {
        var rig = Self.rig("proving")
        #expect(rig.die(lived: .seconds(1), served: false) == .openCircuit(until: rig.now + .seconds(60)))
    }

    @Test func `a worker that lived for 60 s clears the slate`() {
        var rig = Self.rig("proving")
        rig.now = rig.now + .seconds(60)
        #expect(rig.die(lived: .seconds(60)) == .startNow)
        for _ in 0..<3 { _ = rig.crash() }
        rig.ready()
        #expect(rig.die() == .openCircuit(until: rig.now + .seconds(30)))
    }

    @Test func `a probe that served only briefly keeps the longer open time`() {
        var rig = Self.rig("proving")
        #expect(rig.die(lived: .seconds(1)) == .startNow)
        for _ in 0..<3 { _ = rig.crash() }
        rig.ready()
        #expect(rig.die() == .openCircuit(until: rig.now + .seconds(60)))
    }

    @Test(arguments: [Int32(11), 12, 23, 24])
    func `a shortage is no death, however long it lasts`(errno: Int32) {
        var rig = Rig()
        for _ in 0..<100 {
            guard case .armTimer(let until) = rig.die(.notStarted(errno), lived: nil, served: false) else {
                return #expect(Bool(false))
            }
            #expect(until - rig.now <= .milliseconds(500))
            rig.now = until
            #expect(rig.fire() == .startWorker)
        }
        #expect(rig.crash() == .zero)
    }

    @Test func `a probe for which something was short is a probe again`() {
        var rig = Self.rig("probing")
        guard case .armTimer(let until) = rig.die(.notStarted(24), lived: nil, served: false) else { return #expect(Bool(false)) }
        #expect(rig.policy.refusesCalls)
        rig.now = until
        #expect(rig.fire() == .startWorker)
        #expect(rig.policy.state == .probing)
        #expect(rig.die(lived: nil, served: false) == .openCircuit(until: rig.now + .seconds(60)))
    }

    @Test(arguments: [
        (WorkerExit.exited(78), true, true), (.exited(78), false, true), (.exited(2), false, true), (.exited(2), true, false),
        (.exited(0), false, false), (.exited(1), false, false), (.signalled(2), false, false), (.notStarted(2), false, false),
        (.signalled(78), true, false),
    ])
    func `only statuses that mean a wrong configuration are fatal`(exit: WorkerExit, wasReady: Bool, isFatal: Bool) {
        var rig = Rig()
        if wasReady { rig.ready() }
        #expect((rig.die(exit, lived: wasReady ? .seconds(1) : nil, served: false) == .giveUp) == isFatal)
    }

    @Test func `delays never exceed their maximum, whatever the limits`() {
        let limits = RestartLimits(
            deathsMax: 1_000, window: .hours(24), delayMin: .seconds(1), delayMax: .seconds(30), stable: .hours(48),
            settled: .seconds(10), openMin: .seconds(1), openMax: .seconds(1))
        var rig = Rig(policy: RestartPolicy(limits: limits))
        var last = Interval.zero
        for _ in 0..<40 { last = rig.crash() }
        #expect(last <= .seconds(30))
        #expect(last >= .seconds(24))
    }

    @Test func `the same seed gives the same delays, another one different ones`() {
        var one = Rig()
        var two = Rig()
        var three = Rig(jitter: PRNG(seed: 8))
        let waits = (0..<4).map { _ in one.crash() }
        #expect(waits == (0..<4).map { _ in two.crash() })
        #expect(waits != (0..<4).map { _ in three.crash() })
    }
}

@Suite struct SpawnBudgetTests {
    private static let start = Instant(nanoseconds: 5_000_000_000)

    @Test func `forty at once, then twenty in a second`() {
        var budget = SpawnBudget(limits: SpawnLimits(perSecond: 20, burst: 40), now: Self.start)
        var taken = 0
        while budget.take(at: Self.start) { taken += 1 }
        #expect(taken == 40)
        #expect(budget.nextToken(at: Self.start) == Self.start + .milliseconds(50))
        for step in 1...20 {
            let now = Self.start + .milliseconds(50) * Int64(step)
            #expect(budget.nextToken(at: now) == now)
            let first = budget.take(at: now)
            let second = budget.take(at: now)
            #expect(first && !second)
        }
    }

    @Test func `a refused take costs nothing and a pause fills the bucket to its brim only`() {
        var budget = SpawnBudget(limits: SpawnLimits(perSecond: 20, burst: 40), now: Self.start)
        while budget.take(at: Self.start) {}
        for _ in 0..<100 { _ = budget.take(at: Self.start) }
        #expect(budget.nextToken(at: Self.start) == Self.start + .milliseconds(50))
        let later = Self.start + .hours(1)
        var taken = 0
        while budget.take(at: later) { taken += 1 }
        #expect(taken == 40)
    }

    @Test func `a burst of one spaces every spawn`() {
        var budget = SpawnBudget(limits: SpawnLimits(perSecond: 1, burst: 1), now: Self.start)
        let takes = [0, 999, 1_000, 1_999, 2_000].map { budget.take(at: Self.start + .milliseconds($0)) }
        #expect(takes == [true, false, true, false, true])
    }
}
