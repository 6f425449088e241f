// An election of client-go's, on a Lease of Kubernetes.
package main

import (
	"context"
	"log"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func makeReports(ctx context.Context) {
	for ctx.Err() == nil {
		log.Print("a report")
		time.Sleep(time.Second)
	}
}

func main() {
	cluster, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: "reports", Namespace: "service"},
		Client:     kubernetes.NewForConfigOrDie(cluster).CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: os.Getenv("POD_NAME")},
	}
	leaderelection.RunOrDie(context.Background(), leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   15 * time.Second,
		RenewDeadline:   10 * time.Second,
		RetryPeriod:     2 * time.Second,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: makeReports,
			OnStoppedLeading: func() { os.Exit(1) },
			OnNewLeader:      func(identity string) { log.Print(identity, " leads") },
		},
	})
}
