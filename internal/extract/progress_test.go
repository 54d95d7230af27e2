package extract

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgressSaysHowLongItWillTake(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	var b bytes.Buffer
	p := NewProgress(&b, "extract audio", false, clock)
	for i := 1; i <= 100; i++ {
		now = now.Add(time.Second / 2)
		p.Show(i, 100)
	}
	assert.Equal(t, `extract audio  20/100  20 %  2/s  about 40s left
extract audio  40/100  40 %  2/s  about 30s left
extract audio  60/100  60 %  2/s  about 20s left
extract audio  80/100  80 %  2/s  about 10s left
extract audio  100/100  100 %  2/s  done
`, b.String())
}

func TestOnATerminalProgressIsOneLine(t *testing.T) {
	now := time.Unix(0, 0)
	var b bytes.Buffer
	p := NewProgress(&b, "x", true, func() time.Time { return now })
	now = now.Add(time.Second)
	p.Show(1, 2)
	p.Show(2, 2)
	assert.Equal(t, "\r\x1b[Kx  1/2  50 %  1/s  about 1s left\r\x1b[Kx  2/2  100 %  2/s  done\n", b.String())
}
