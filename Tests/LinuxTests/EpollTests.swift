import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct EpollTests {
        @Test func `an event brings back its data, and comes again until its cause is gone`() throws {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 8)
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            try epoll.add(pipe.first.descriptor, .readable, data: 0xDEAD_BEEF_0000_0001)
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 0)
            _ = try pipe.second.descriptor.write([1].span)
            for _ in 0..<2 {
                #expect(try epoll.wait(into: &buffer, timeout: nil) == 1)
                #expect(buffer[0] == (0xDEAD_BEEF_0000_0001, .readable))
            }
            var room: [UInt8] = [0, 0]
            var span = room.mutableSpan
            _ = try pipe.first.descriptor.read(into: &span)
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 0)
        }

        @Test func `modify replaces events and data, remove ends them`() throws {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 8)
            let pair = try DescriptorPair.sockets(nonblocking: true)
            try epoll.add(pair.first.descriptor, .readable, data: 1)
            try epoll.modify(pair.first.descriptor, [.readable, .writable], data: 2)
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
            #expect(buffer[0] == (2, .writable))
            try epoll.remove(pair.first.descriptor)
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 0)
            #expect(throws: SystemError(.noEntry, "epoll_ctl")) { try epoll.remove(pair.first.descriptor) }
        }

        @Test func `adding twice is an error`() throws {
            let epoll = try Epoll()
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            try epoll.add(pipe.first.descriptor, .readable, data: 1)
            #expect(throws: SystemError(.exists, "epoll_ctl")) { try epoll.add(pipe.first.descriptor, .readable, data: 1) }
        }

        @Test func `a half-closed peer and a vanished one look different`() throws {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 8)
            let (mine, other) = try DescriptorPair.sockets(nonblocking: true).release()
            defer { mine.close() }
            try epoll.add(mine, [.readHangup], data: 1)
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 0)
            try other.shutDown(.writing)
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
            #expect(buffer[0].events == .readHangup)
            other.close()
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
            #expect(buffer[0].events == [.readHangup, .hangup])
        }

        @Test func `the reader's end of a pipe shows as an error to the writer, unasked`() throws {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 8)
            let (reader, writer) = try DescriptorPair.pipe(nonblocking: true).release()
            defer { writer.close() }
            try epoll.add(writer, [], data: 9)
            reader.close()
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
            #expect(buffer[0] == (9, .error))
        }

        @Test func `no more events are given than there is room for, and the others come next`() throws {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 2)
            var seen: Set<UInt64> = []
            let pairs = try (0..<3).map { _ in try DescriptorPair.sockets(nonblocking: true).release() }
            for (index, pair) in pairs.enumerated() { try epoll.add(pair.first, .writable, data: UInt64(index)) }
            for _ in 0..<2 {
                #expect(try epoll.wait(into: &buffer, timeout: .zero) == 2)
                for index in 0..<buffer.count { seen.insert(buffer[index].data) }
            }
            #expect(seen == [0, 1, 2])
            for pair in pairs {
                pair.first.close()
                pair.second.close()
            }
        }

        @Test func `an event fetched before a close still names the old registration when its number lives again`() async {
            await #expect(processExitsWith: .success) {
                let epoll = try Epoll()
                var buffer = Epoll.Buffer(capacity: 8)
                let (old, oldPeer) = try DescriptorPair.sockets(nonblocking: true).release()
                try epoll.add(old, .readable, data: 1 << 32 | UInt64(old.rawValue))
                _ = try oldPeer.send([1].span)
                #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
                // Another event of the same turn closes the connection, and a new one gets its number.
                try epoll.remove(old)
                old.close()
                let (new, newPeer) = try DescriptorPair.sockets(nonblocking: true).release()
                #expect(new.rawValue == old.rawValue)
                try epoll.add(new, .readable, data: 2 << 32 | UInt64(new.rawValue))
                #expect(buffer[0].data >> 32 == 1, "the generation tells that the event is stale")
                #expect(try epoll.wait(into: &buffer, timeout: .zero) == 0)
                _ = try newPeer.send([1].span)
                #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
                #expect(buffer[0].data >> 32 == 2)
            }
        }

        @Test func `a descriptor that was closed without being removed goes on while a copy lives, so removal comes first`()
            throws
        {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 8)
            let pair = try DescriptorPair.sockets(nonblocking: true).release()
            let copy = try pair.first.duplicate()
            try epoll.add(pair.first, .writable, data: 5)
            pair.first.close()
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 1)
            copy.close()
            #expect(try epoll.wait(into: &buffer, timeout: .zero) == 0)
            pair.second.close()
        }

        @Test func `a deadline is never met too early, and a past one only looks`() throws {
            let epoll = try Epoll()
            var buffer = Epoll.Buffer(capacity: 1)
            let deadline = SystemClock.now() + .microseconds(2_300)
            #expect(try epoll.wait(into: &buffer, until: deadline) == 0)
            #expect(SystemClock.now() >= deadline)
            let before = SystemClock.now()
            #expect(try epoll.wait(into: &buffer, until: Instant(nanoseconds: 0)) == 0)
            #expect(SystemClock.now() - before < .seconds(5))
        }

        @Test func `a signal handler ends a wait with no events`() async {
            await #expect(processExitsWith: .success) {
                let epoll = try Epoll()
                var buffer = Epoll.Buffer(capacity: 1)
                let count = try interrupted { try epoll.wait(into: &buffer, until: .distantFuture) }
                #expect(count == 0)
            }
        }
    }
}
