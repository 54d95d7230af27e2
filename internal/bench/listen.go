package bench

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"time"
)

// listen reads the scores of a call by Server-Sent Events until ctx ends or the
// server closes the stream; then the channel is closed.
func listen(ctx context.Context, url string) (<-chan arrived, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close() // the status says what is wrong
		return nil, fmt.Errorf("%w: %s answered %s", ErrConfig, url, response.Status)
	}
	out := make(chan arrived, 64)
	go func() {
		defer close(out)
		defer func() { _ = response.Body.Close() }() // it was read
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<20)
		var message []string
		for lines.Scan() {
			if line := lines.Text(); line != "" {
				message = append(message, line)
				continue
			}
			if e, ok := scoreOf(message); ok {
				select {
				case out <- arrived{e, time.Now()}:
				case <-ctx.Done():
					return
				}
			}
			message = message[:0]
		}
	}()
	return out, nil
}
