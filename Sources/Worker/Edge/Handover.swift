import Base
import Linux
import Synchronization

/// What the threads of a `WorkerLoop` share. The lead is passed by one word: 0 while the leader is in its loop, else the ticket
/// of the call it is running. Whoever changes a ticket to 0 leads from then on: the thread that ran the call, or the watcher.
final class Handover: Sendable {
    private let ticket = Atomic<UInt64>(0)
    private let isWatcherAsleep = Atomic<Bool>(false)
    /// Lanes whose call has ended on a thread that no longer led. Bound: one entry per lane.
    private let handedIn = Mutex<[Int]>([])
    private let hasHandedIn = Atomic<Bool>(false)
    private let reserve = Mutex<Int>(0)
    /// Raised to make the leader look at `handedIn`.
    let wake: WakeDescriptor
    private let watcher: WakeDescriptor
    private let reserves: WakeDescriptor

    init() throws(SystemError) {
        self.wake = try WakeDescriptor()
        self.watcher = try WakeDescriptor()
        self.reserves = try WakeDescriptor()
    }

    // MARK: The lead

    var runningTicket: UInt64 { self.ticket.load(ordering: .sequentiallyConsistent) }

    /// Publishes the leader's state: from here on the watcher may take it.
    func startCall(_ ticket: UInt64) { self.ticket.store(ticket, ordering: .sequentiallyConsistent) }

    /// True for exactly one of the two threads that want the lead after `ticket`.
    func claim(_ ticket: UInt64) -> Bool {
        self.ticket.compareExchange(expected: ticket, desired: 0, ordering: .acquiringAndReleasing).exchanged
    }

    // MARK: Answers

    /// The calling thread has no role any more: it must wait in the reserve next. It counts as there at once, so that the leader
    /// does not start another thread in between.
    func handIn(_ lane: Int) {
        self.reserve.withLock { $0 += 1 }
        self.handedIn.withLock { $0.append(lane) }
        self.hasHandedIn.store(true, ordering: .releasing)
        self.wake.signal()
    }

    func takeHandedIn() -> [Int] {
        guard self.hasHandedIn.exchange(false, ordering: .acquiringAndReleasing) else { return [] }
        return self.handedIn.withLock { lanes in
            let taken = lanes
            lanes = []
            return taken
        }
    }

    // MARK: The watcher

    func sleep(_ time: Interval) { self.watcher.wait(time) }

    func sleepUntilCalled() {
        self.isWatcherAsleep.store(true, ordering: .sequentiallyConsistent)
        // A call that started just before is seen here; one that starts later sees the flag.
        if self.runningTicket == 0 { self.watcher.wait(nil) }
        self.isWatcherAsleep.store(false, ordering: .relaxed)
    }

    func rouseWatcher() {
        if self.isWatcherAsleep.load(ordering: .sequentiallyConsistent) { self.watcher.signal() }
    }

    // MARK: The reserve

    /// Returns when `callReserve` meant this thread, which `handIn` has counted.
    func waitInReserve() {
        while !self.reserves.wait(nil) {}  // Expected: a signal meant for another thread of the reserve.
    }

    /// Wakes one waiting thread. False when there is none.
    func callReserve() -> Bool {
        let isThere = self.reserve.withLock { count in
            guard count > 0 else { return false }
            count -= 1
            return true
        }
        if isThere { self.reserves.signal() }
        return isThere
    }
}

/// An eventfd that lives as long as the process.
final class WakeDescriptor: Sendable {
    private let event: EventFD

    init() throws(SystemError) { self.event = try EventFD() }

    var descriptor: FileDescriptor { self.event.descriptor }

    func signal() {
        // Expected: only a closed descriptor or a full counter can fail, and neither happens here.
        try? self.event.signal()
    }

    /// Forgets the signals so far. True when there were any.
    @discardableResult
    func drain() -> Bool { ((try? self.event.drain()) ?? 0) > 0 }

    /// Waits for a signal; nil waits for ever. True when one came.
    @discardableResult
    func wait(_ timeout: Interval?) -> Bool {
        var set = PollSet()
        let place = set.add(self.descriptor)
        set.setInterest(place, self.descriptor, reading: true, writing: false)
        guard (try? set.wait(timeout: timeout)) != nil, set.isReadable(place) else { return false }
        return self.drain()
    }
}
