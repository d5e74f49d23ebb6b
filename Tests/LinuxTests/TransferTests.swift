import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct TransferTests {
        @Test func `bytes move, an empty pipe would block, a closed one has ended`() throws {
            let (reader, writer) = try DescriptorPair.pipe(nonblocking: true).release()
            defer { reader.close() }
            var room = [UInt8](repeating: 0, count: 16)
            var span = room.mutableSpan
            #expect(try reader.read(into: &span) == .wouldBlock)
            #expect(try writer.write(bytes("hello").span) == .moved(5))
            var again = room.mutableSpan
            #expect(try reader.read(into: &again) == .moved(5))
            #expect(room[..<5] == ArraySlice(bytes("hello")))
            writer.close()
            var last = room.mutableSpan
            #expect(try reader.read(into: &last) == .ended)
        }

        @Test func `a full pipe would block`() throws {
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            let block = [UInt8](repeating: 1, count: 65_536)
            #expect(try pipe.second.descriptor.write(block.span) == .moved(65_536))
            #expect(try pipe.second.descriptor.write(block.span) == .wouldBlock)
            #expect(throws: SystemError(.wouldBlock, "write")) { try pipe.second.descriptor.writeAll(block.span) }
        }

        @Test func `a full socket would block, for one piece and for several`() throws {
            let pair = try DescriptorPair.sockets(nonblocking: true)
            let block = [UInt8](repeating: 1, count: 65_536)
            while try pair.first.descriptor.send(block.span) != .wouldBlock {}
            #expect(try pair.first.descriptor.send(block.span, block.span) == .wouldBlock)
        }

        @Test func `sending to a socket nobody reads is an error and not a signal`() throws {
            let (kept, gone) = try DescriptorPair.sockets(nonblocking: true).release()
            defer { kept.close() }
            gone.close()
            let block: [UInt8] = [1]
            #expect(throws: SystemError(.brokenPipe, "send")) { _ = try kept.send(block.span) }
            #expect(throws: SystemError(.brokenPipe, "sendmsg")) { _ = try kept.send(block.span, block.span) }
        }

        @Test func `gathered writes keep the order of the pieces`() throws {
            let pair = try DescriptorPair.sockets(nonblocking: true)
            let (head, body) = (bytes("HTTP/1.1 200 OK\r\n\r\n"), bytes("{}"))
            #expect(try pair.first.descriptor.send(head.span, body.span) == .moved(head.count + body.count))
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            let moved = try unsafe head.withUnsafeBytes { head in
                try unsafe body.withUnsafeBytes { body in
                    let pieces = unsafe [
                        WritePiece(head), WritePiece(UnsafeRawBufferPointer(start: nil, count: 0)), WritePiece(body),
                    ]
                    return try unsafe pieces.withUnsafeBufferPointer { try unsafe pipe.second.descriptor.write($0) }
                }
            }
            #expect(moved == .moved(head.count + body.count))
            for descriptor in [pair.second.descriptor, pipe.first.descriptor] {
                var room = [UInt8](repeating: 0, count: 64)
                var span = room.mutableSpan
                #expect(try descriptor.read(into: &span) == .moved(head.count + body.count))
                #expect(room.starts(with: head + body))
            }
        }

        @Test func `one half of a connection can be shut down, also when the peer is gone`() throws {
            let (first, second) = try DescriptorPair.sockets(nonblocking: true).release()
            defer { first.close() }
            try first.shutDown(.writing)
            var room: [UInt8] = [0]
            var span = room.mutableSpan
            #expect(try second.read(into: &span) == .ended)
            #expect(try second.send([7].span) == .moved(1))
            var other = room.mutableSpan
            #expect(try first.read(into: &other) == .moved(1))
            second.close()
            try first.shutDown(.both)
        }

        @Test func `a reading call that signals interrupt goes on`() async {
            await #expect(processExitsWith: .success) {
                let (reader, writer) = try DescriptorPair.pipe(nonblocking: false).release()
                // Without the wrapper the same call is interrupted: the signals do arrive.
                let plain = try interrupted {
                    var byte: UInt8 = 0
                    let result = unsafe Glibc.read(reader.rawValue, &byte, 1)
                    return (result, errno)
                }
                #expect(plain == (-1, EINTR))
                var room: [UInt8] = [0]
                let wrapped = try interrupted(thenDo: { _ = try? writer.write([2].span) }) {
                    var span = room.mutableSpan
                    return try reader.read(into: &span)
                }
                #expect(wrapped == .moved(1))
                #expect(room == [2])
            }
        }

        @Test func `a writing call that signals interrupt goes on`() async {
            await #expect(processExitsWith: .success) {
                let (reader, writer) = try DescriptorPair.pipe(nonblocking: false).release()
                try writer.writeAll([UInt8](repeating: 1, count: 65_536).span)
                let moved = try interrupted(thenDo: {
                    var room = [UInt8](repeating: 0, count: 65_536)
                    var span = room.mutableSpan
                    _ = try? reader.read(into: &span)
                }) { try writer.write([2].span) }
                #expect(moved == .moved(1))
            }
        }
    }
}
