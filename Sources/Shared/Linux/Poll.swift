public import Base
import Glibc

/// `poll` on a handful of descriptors, for a process that may have plain files as its standard streams: epoll refuses those.
public struct PollSet: ~Copyable {
    private var entries: [pollfd] = []

    public init() {}

    /// Adds a descriptor and returns its place.
    public mutating func add(_ descriptor: FileDescriptor) -> Int {
        self.entries.append(pollfd(fd: descriptor.rawValue, events: 0, revents: 0))
        return self.entries.count - 1
    }

    /// What to wait for at `place`. With nothing the descriptor is left out, hang-ups included.
    public mutating func setInterest(
        _ place: Int, _ descriptor: FileDescriptor, reading: Bool, writing: Bool, hangUp: Bool = false
    ) {
        self.entries[place].fd = reading || writing || hangUp ? descriptor.rawValue : -1
        self.entries[place].events = Int16((reading ? POLLIN : 0) | (writing ? POLLOUT : 0))
    }

    /// Waits until something is ready or `timeout` has passed; nil waits for ever. A signal ends the wait early.
    public mutating func wait(timeout: Interval?) throws(SystemError) {
        let milliseconds = timeout.map { Int32(clamping: Swift.max(0, $0.wholeMilliseconds)) } ?? -1
        let result = unsafe self.entries.withUnsafeMutableBufferPointer { buffer in
            SystemCall.raw { unsafe Glibc.poll(buffer.baseAddress, nfds_t(buffer.count), milliseconds) }
        }
        if result == -Int(EINTR) {
            for place in self.entries.indices { self.entries[place].revents = 0 }
            return
        }
        try SystemCall.check(result, "poll")
    }

    /// Data, the end of the stream or an error: a read will say which.
    public func isReadable(_ place: Int) -> Bool {
        self.entries[place].revents & Int16(POLLIN | POLLHUP | POLLERR | POLLNVAL) != 0
    }

    /// Nobody is at the other end any more: the peer of a socket has closed it whole, or a pipe has lost its last reader. The end of
    /// a peer's sending alone is not that.
    public func isHungUp(_ place: Int) -> Bool {
        self.entries[place].revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0
    }

    /// Space, or an error that a write will report.
    public func isWritable(_ place: Int) -> Bool {
        self.entries[place].revents & Int16(POLLOUT | POLLHUP | POLLERR | POLLNVAL) != 0
    }
}
