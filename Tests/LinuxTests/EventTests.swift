import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct EventFDTests {
        @Test func `signals add up until they are drained`() throws {
            let event = try EventFD()
            #expect(try event.drain() == 0)
            try event.signal()
            try event.signal()
            #expect(try event.drain() == 2)
            #expect(try event.drain() == 0)
            #expect(try event.descriptor.isCloseOnExec())
        }

        @Test func `a full counter is no error`() throws {
            let event = try EventFD()
            var most = UInt64.max - 1
            let written = try unsafe withUnsafeBytes(of: &most) { try unsafe event.descriptor.write($0) }
            #expect(written == .moved(8))
            try event.signal()
            #expect(try event.drain() == .max - 1)
        }
    }
}

extension KernelTests {
    @Suite struct TimerFDTests {
        @Test func `fires once, not before its deadline`() throws {
            let timer = try TimerFD()
            #expect(try !timer.read())
            let deadline = SystemClock.now() + .milliseconds(3)
            try timer.set(deadline)
            try waitUntilReadable(timer.descriptor)
            #expect(SystemClock.now() >= deadline)
            #expect(try timer.read())
            #expect(try !timer.read())
        }

        @Test func `a past deadline fires at once, nil and the distant future never`() throws {
            let timer = try TimerFD()
            try timer.set(Instant(nanoseconds: 0))
            try waitUntilReadable(timer.descriptor)
            try timer.set(.distantFuture)
            #expect(try !timer.read())
            try timer.set(Instant(nanoseconds: 1))
            try timer.set(nil)
            #expect(try !timer.read())
        }
    }
}

extension KernelTests {
    @Suite struct SignalFDTests {
        @Test func `a blocked signal is read with its sender and does not kill`() async {
            await #expect(processExitsWith: .success) {
                try SignalSet().becomeBlocked()
                let signals = try SignalFD(blocking: SignalSet([.terminate, .user1]))
                #expect(try signals.read() == nil)
                #expect(SignalSet.blocked.contains(.terminate))
                #expect(!SignalSet.blocked.contains(.interrupt))
                raise(SIGUSR1)
                raise(SIGTERM)
                raise(SIGTERM)
                try waitUntilReadable(signals.descriptor)
                var seen: [Signal] = []
                while let delivery = try signals.read() {
                    seen.append(delivery.signal)
                    #expect(delivery.pid == Processes.current)
                    #expect(delivery.uid == Processes.userID)
                }
                #expect(Set(seen) == [.terminate, .user1])
                #expect(seen.count == 2, "equal signals are merged")
            }
        }

        @Test func `the set is the mask the kernel shows`() async {
            await #expect(processExitsWith: .success) {
                try SignalSet([.hangup, .interrupt]).becomeBlocked()
                #expect(SignalSet.blocked.rawValue == 0b11)
                try SignalSet().becomeBlocked()
                #expect(SignalSet.blocked.isEmpty)
            }
        }

        @Test func `an ignored SIGPIPE makes a write an error`() async {
            await #expect(processExitsWith: .success) {
                try Signal.brokenPipe.ignore()
                let (reader, writer) = try DescriptorPair.pipe(nonblocking: true).release()
                reader.close()
                #expect(throws: SystemError(.brokenPipe, "write")) { _ = try writer.write([1].span) }
            }
        }
    }
}

extension KernelTests {
    @Suite struct SystemClockTests {
        @Test func `never goes backwards`() {
            var last = SystemClock.now()
            for _ in 0..<1000 {
                let now = SystemClock.now()
                #expect(now >= last)
                last = now
            }
        }

        @Test func `the wall clock is past the year 2024`() {
            #expect(SystemClock.wallSeconds() > 1_704_067_200)
            #expect(SystemClock.wallNanoseconds() / 1_000_000_000 - SystemClock.wallSeconds() <= 1)
        }
    }
}
