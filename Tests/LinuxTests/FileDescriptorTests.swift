import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct FileDescriptorTests {
        @Test(arguments: [false, true])
        func `pipes and socket pairs are close-on-exec and block only when asked to`(nonblocking: Bool) throws {
            for pair in [
                try DescriptorPair.pipe(nonblocking: nonblocking).release(),
                try DescriptorPair.sockets(nonblocking: nonblocking).release(),
            ] {
                for descriptor in [pair.first, pair.second] {
                    #expect(try descriptor.isCloseOnExec())
                    #expect(try descriptor.isNonblocking() == nonblocking)
                    descriptor.close()
                }
            }
        }

        @Test func `setting a flag keeps the others`() throws {
            let scratch = try Scratch()
            let file = try Files.open(scratch.file("log"), .append)
            try file.descriptor.setNonblocking(true)
            #expect(fcntl(file.descriptor.rawValue, F_GETFL) & O_APPEND != 0)
            try file.descriptor.setNonblocking(false)
            #expect(try !file.descriptor.isNonblocking())
            try file.descriptor.setCloseOnExec(false)
            #expect(try !file.descriptor.isCloseOnExec())
        }

        @Test func `a duplicate has another number, the same file, and is close-on-exec`() throws {
            let null = try Files.null()
            let copy = try null.descriptor.duplicate(from: 200)
            #expect(copy.descriptor.rawValue >= 200)
            #expect(try copy.descriptor.isCloseOnExec())
            #expect(try copy.descriptor.status() == null.descriptor.status())
        }

        @Test func `an owned descriptor is closed once, by its owner's end, and not after its release`() async {
            await #expect(processExitsWith: .success) {
                let before = OpenDescriptors.now()
                let kept: FileDescriptor
                do {
                    let first = try Files.null()
                    #expect(OpenDescriptors.now().count == before.count + 1, "the counter does not see one live descriptor")
                    first.close()
                    #expect(OpenDescriptors.now() == before)
                    let second = try Files.null()
                    kept = second.release()
                    let third = try Files.null()
                    #expect(third.descriptor.isOpen)
                }
                #expect(OpenDescriptors.now().count == before.count + 1)
                #expect(kept.isOpen)
                kept.close()
                #expect(!kept.isOpen)
                #expect(OpenDescriptors.now() == before)
            }
        }

        @Test func `closing twice is our own bug and traps`() async {
            await #expect(processExitsWith: .failure) {
                let descriptor = try Files.null().release()
                descriptor.close()
                descriptor.close()
            }
        }

        @Test func `using a closed descriptor traps instead of writing into a stranger's`() async {
            await #expect(processExitsWith: .failure) {
                let descriptor = try Files.null().release()
                descriptor.close()
                _ = try descriptor.write([1].span)
            }
        }

        @Test func `a pipe is no terminal`() throws {
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            #expect(!pipe.first.descriptor.isTerminal)
        }
    }
}
