package neterr

import "syscall"

// What package syscall lacks of winerror.h.
const (
	errorNoData           = syscall.Errno(232)
	errorPipeNotConnected = syscall.Errno(233)
	wsaEAddrInUse         = syscall.Errno(10048)
	wsaENetUnreach        = syscall.Errno(10051)
	wsaETimedOut          = syscall.Errno(10060)
	wsaEConnRefused       = syscall.Errno(10061)
	wsaEHostUnreach       = syscall.Errno(10065)
)

// This system's own errors, besides those of the standard library. A call that overlaps
// with others can end with the error of the layer below, such as ERROR_NETNAME_DELETED.
var (
	refused    = []syscall.Errno{wsaEConnRefused}
	inUse      = []syscall.Errno{wsaEAddrInUse}
	denied     = []syscall.Errno{syscall.WSAEACCES}
	noHost     = []syscall.Errno{wsaEHostUnreach}
	noNetwork  = []syscall.Errno{wsaENetUnreach}
	timedOut   = []syscall.Errno{wsaETimedOut}
	readerGone = []syscall.Errno{syscall.ERROR_BROKEN_PIPE, errorNoData, errorPipeNotConnected}
	reset      = []syscall.Errno{syscall.WSAECONNRESET, syscall.ERROR_NETNAME_DELETED}
	aborted    = []syscall.Errno{syscall.WSAECONNABORTED}
)
