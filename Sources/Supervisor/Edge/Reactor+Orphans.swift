import Base
import Linux

/// Children that no worker's record knows. The guard of a third-party server takes all its descendants with it; should it be killed
/// itself, they become ours, because we are a subreaper, and end here. Descendants of these become ours in turn when they end.
extension Reactor {
    /// For how long after the end of a guard, or of the latest orphan, unknown children are taken for orphans of it.
    private static var orphanWindow: Interval { .seconds(2) }

    /// What was a child of ours before we started anything: of whoever became us by `execve`. It is reaped and never signalled.
    mutating func rememberInheritedChildren() {
        self.inheritedChildren = Set((try? Processes.children()) ?? [])
    }

    /// A guard has ended, however it did.
    mutating func guardEnded() {
        self.orphansUntil = self.now + Self.orphanWindow
        self.sweepChildren()
    }

    /// Reaps unknown children that have ended, and kills those that a guard has left behind. The number that still run. Each that
    /// ends brings SIGCHLD, and so the next sweep. Workers are reaped by their descriptors and are left alone.
    @discardableResult
    mutating func sweepChildren() -> Int {
        // Unreadable while descriptors or memory are short, or the kernel lacks the file: what waits to be reaped then waits longer.
        guard let children = try? Processes.children() else { return 0 }
        var running = 0
        for pid in children where !self.processes.contains(where: { $0?.pid == pid && $0?.pidFD != nil }) {
            // A child's number is its own until we reap it, and nobody else does.
            if ((try? Processes.reap(pid)) ?? nil) != nil {
                self.inheritedChildren.remove(pid)
                continue
            }
            guard !self.inheritedChildren.contains(pid), let until = self.orphansUntil, self.now < until else { continue }
            running += 1
            self.orphansUntil = self.now + Self.orphanWindow
            try? Processes.signalChild(pid, .kill)
        }
        return running
    }

    /// The last thing before the exit: orphans of guards that have just ended. Those that appear later are nobody's.
    mutating func endOrphans() {
        for _ in 0..<Self.lastSweepsMax {
            guard self.sweepChildren() > 0 else { return }
            var set = PollSet()
            let place = set.add(self.signals.descriptor)
            set.setInterest(place, self.signals.descriptor, reading: true, writing: false)
            try? set.wait(timeout: .milliseconds(10))
            _ = try? self.signals.read()
        }
    }

    /// Of 10 ms at most: a process in the kernel's hands is not waited for.
    private static var lastSweepsMax: Int { 50 }
}
